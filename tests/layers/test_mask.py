"""Which files of a machine hide those of a new version, and what is decided about them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from madeus.layers import Policy
from madeus.layers.mask import Entry, FileKind, How, decide, find_masks, matches, to_resolve, undecided

FILE, DIRECTORY, GONE = FileKind.FILE, FileKind.DIRECTORY, FileKind.WHITEOUT


def file(text: str) -> Entry:
    return Entry(FILE, 0o644, len(text), text)


def masks(copy: dict[str, Entry], new: dict[str, Entry], old: dict[str, Entry]):  # type: ignore[no-untyped-def]
    return find_masks([copy], [new], [old])


def test_a_file_changed_by_both_sides_is_masked() -> None:
    (mask,) = masks({"/a": file("mine")}, {"/a": file("theirs")}, {"/a": file("base")})
    assert (mask.path, mask.mine, mask.theirs, mask.base) == ("/a", file("mine"), file("theirs"), file("base"))
    assert mask.is_mergeable


def test_what_only_one_side_has_is_not_masked() -> None:
    assert masks({"/a": file("1")}, {"/b": file("2")}, {}) == []


def test_equal_files_do_not_mask() -> None:
    assert masks({"/a": file("same")}, {"/a": file("same")}, {"/a": file("old")}) == []


def test_directories_do_not_mask_each_other() -> None:
    assert masks({"/d": Entry(DIRECTORY)}, {"/d": Entry(DIRECTORY), "/d/x": file("x")}, {}) == []


def test_a_deleted_directory_masks_all_that_comes_below_it() -> None:
    found = masks({"/d": Entry(GONE)}, {"/d": Entry(DIRECTORY), "/d/x": file("x")}, {"/d": Entry(DIRECTORY)})
    assert [(mask.path, mask.mine) for mask in found] == [("/d", None), ("/d/x", None)]
    assert [(one.mask.path, one.how) for one in decide(found, [])] == [("/d", How.KEEP), ("/d/x", How.TAKE)]


def test_an_opaque_directory_masks_all_that_comes_below_it() -> None:
    found = masks({"/d": Entry(DIRECTORY, opaque=True)}, {"/d/x/y": file("x")}, {})
    assert [(mask.path, mask.mine) for mask in found] == [("/d/x/y", None)]


def test_a_file_in_place_of_a_directory_masks_it() -> None:
    found = masks({"/d": file("f")}, {"/d": Entry(DIRECTORY), "/d/x": file("x")}, {})
    assert [mask.path for mask in found] == ["/d", "/d/x"]


def test_the_topmost_copy_counts() -> None:
    (mask,) = find_masks([{"/a": file("1")}, {"/a": file("2")}], [{"/a": file("3")}], [])
    assert mask.mine == file("2")


def test_what_a_later_new_version_brings_counts() -> None:
    new = [{"/d": Entry(DIRECTORY), "/d/a": file("1")}, {"/d": Entry(GONE)}]
    found = find_masks([{"/d": Entry(DIRECTORY), "/d/a": file("mine")}], new, [])
    assert [(mask.path, mask.theirs) for mask in found] == [("/d", None)]


def decided(copy: Entry, new: Entry, old: Entry | None, *policies: Policy, path: str = "/a") -> How:
    found = masks({path: copy}, {path: new}, {path: old} if old else {})
    return decide(found, policies)[0].how


def test_nobody_is_asked_when_one_side_has_changed_nothing() -> None:
    assert decided(file("base"), file("theirs"), file("base")) is How.TAKE
    assert decided(file("mine"), file("base"), file("base")) is How.KEEP


def test_a_file_that_the_machine_has_deleted_stays_deleted_when_the_version_did_not_change_it() -> None:
    assert decided(Entry(GONE), file("base"), file("base")) is How.KEEP
    assert decided(Entry(GONE), file("new"), file("base")) is How.ASK


def test_the_first_policy_that_fits_decides() -> None:
    sides = (file("mine"), file("theirs"), file("base"))
    assert decided(*sides) is How.ASK
    assert decided(*sides, Policy("/a", "merge"), Policy("/**", "keep")) is How.MERGE
    assert decided(*sides, Policy("/etc/**", "keep"), Policy("/**", "take")) is How.TAKE
    assert decided(*sides, path="/etc/ld.so.cache") is How.TAKE
    assert decided(*sides, Policy("/etc/ld.so.cache", "ask"), path="/etc/ld.so.cache") is How.ASK


def test_a_file_that_is_kept_in_place_of_a_directory_is_not_hidden_by_what_comes_below_it() -> None:
    new = {"/d": Entry(DIRECTORY), "/d/x": file("x"), "/dx": file("x")}
    found = masks({"/d": file("mine"), "/dx": file("mine")}, new, {})
    kept = decide(found, [Policy("/d", "keep")])
    assert [(one.mask.path, one.how, one.because) for one in kept] == [
        ("/d", How.KEEP, "/d"),
        ("/d/x", How.KEEP, "/d"),
        ("/dx", How.ASK, ""),
    ]
    taken = decide(found, [Policy("/d", "take")])
    assert [one.how for one in taken] == [How.TAKE, How.TAKE, How.ASK]


def test_what_cannot_be_merged_is_asked() -> None:
    assert decided(file("mine"), file("theirs"), None, Policy("/**", "merge")) is How.ASK
    assert decided(Entry(GONE), file("theirs"), file("base"), Policy("/**", "merge")) is How.ASK


def test_the_host_is_told_what_to_write_and_nothing_of_what_is_kept() -> None:
    copy = {"/keep": file("m"), "/take": file("m"), "/merge": file("m"), "/gone": file("m"), "/ask": file("m")}
    new = {"/keep": file("t"), "/take": file("t"), "/merge": file("t"), "/gone": Entry(GONE), "/ask": file("t")}
    policies = [Policy("/keep", "keep"), Policy("/take", "take"), Policy("/gone", "take"), Policy("/merge", "merge")]
    found = decide(masks(copy, new, {"/merge": file("b"), "/gone": file("b")}), policies)
    assert undecided(found) == ["/ask"]
    assert to_resolve(found) == [
        {"path": "/gone", "how": "take"},
        {"path": "/merge", "how": "merge"},
        {"path": "/take", "how": "take"},
    ]


def test_globs_know_directories() -> None:
    assert matches("/etc/*", "/etc/passwd") and not matches("/etc/*", "/etc/apt/sources.list")
    assert matches("/etc/**", "/etc/apt/sources.list") and not matches("/etc/**", "/etcetera")
    assert matches("**/*.pyc", "/usr/lib/x.pyc") and matches("/a/**/z", "/a/z") and matches("/a/**/z", "/a/b/c/z")
    assert matches("/a?c", "/abc") and not matches("/a?c", "/a/c") and not matches("/a.c", "/abc")


paths = st.sampled_from(("/a", "/d", "/d/x", "/d/y", "/d/e", "/d/e/z"))
entries = st.one_of(
    st.sampled_from("123").map(file), st.just(Entry(GONE)), st.booleans().map(lambda o: Entry(DIRECTORY, opaque=o))
)
listings = st.dictionaries(paths, entries).map(
    lambda listing: {
        path: entry
        for path, entry in listing.items()
        if all(
            listing.get(up, Entry(DIRECTORY)).kind is DIRECTORY for up in ("/d", "/d/e") if path.startswith(up + "/")
        )
    }
)
stacks = st.lists(listings, max_size=3)


def shown(layers: list[dict[str, Entry]]) -> dict[str, Entry]:
    """What an overlay shows, written again as plainly as can be."""
    seen: dict[str, Entry] = {}
    for layer in layers:
        for path, entry in layer.items():
            if entry.opaque or entry.kind is not DIRECTORY:
                seen = {one: found for one, found in seen.items() if not one.startswith(path + "/")}
                seen.pop(path, None)
        for path, entry in layer.items():
            if entry.kind is not GONE:
                seen[path] = Entry(entry.kind, entry.mode, entry.size, entry.digest)
    return seen


@given(stacks, listings, stacks)
def test_every_file_of_a_new_version_that_is_not_shown_is_masked(
    old: list[dict[str, Entry]], new: dict[str, Entry], copies: list[dict[str, Entry]]
) -> None:
    found = {mask.path for mask in find_masks(copies, [new], old)}
    after = shown([*old, new, *copies])
    hidden = {
        path
        for path, entry in new.items()
        if (entry.kind is FILE and after.get(path) != entry) or (entry.kind is GONE and path in after)
    }
    assert hidden <= found
    assert all(path in new for path in found)
