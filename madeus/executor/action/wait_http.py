"""``wait_http "http://..." status 200 within 30s``: wait until a page answers, asked from the host or the controller."""

from __future__ import annotations

import asyncio
import shlex
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import ClassVar

from typing_extensions import override

from madeus.executor.action.base import ActionResult, Call, Context, Description, JobAction, Kind, Parameter, show
from madeus.executor.action.command import command_job
from madeus.executor.action.wait_tcp import DEFAULT_WITHIN, LOOP, once, waited, within
from madeus.executor.errors import ActionFailed, InvalidAction
from madeus.executor.transport.base import Job, Outcome
from madeus.model.action import Action

_SCRIPT = """url={url} wanted={status} contains={contains}
if command -v curl >/dev/null 2>&1; then
  fetch() {{ curl -sS -k -m 10 --noproxy '*' -o "$page" -w '%{{http_code}}' -- "$url" 2>"$page.said"; }}
elif python3 -c "import urllib.request" >/dev/null 2>&1; then
  fetch() {{
    python3 -c 'import ssl, sys, urllib.error, urllib.request
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_): return None
insecure = ssl.create_default_context(); insecure.check_hostname = False; insecure.verify_mode = ssl.CERT_NONE
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}), Stay, urllib.request.HTTPSHandler(context=insecure))
try: answer = opener.open(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error: answer = error
except OSError as error: sys.exit(str(getattr(error, "reason", error)))
open(sys.argv[2], "wb").write(answer.read()); print(answer.status, end="")' "$url" "$page" 2>"$page.said"
  }}
elif command -v wget >/dev/null 2>&1; then
  fetch() {{
    wget --no-proxy -nv -S -T 10 --max-redirect=0 --no-check-certificate -O "$page" -- "$url" 2>"$page.said"
    sed -n 's|^ *HTTP/[0-9.]* \\([0-9]*\\).*|\\1|p' "$page.said" | tail -n 1 | tr -d '\\n'
  }}
else
  echo "curl, python3 or wget is needed on the host" >&2; exit 69
fi
page=$(mktemp) || exit
trap 'rm -f "$page" "$page.said"' EXIT
attempt() {{
  : >"$page"
  code=$(fetch)
  if [ "$code" != "$wanted" ]; then
    said="status ${{code:-none}}"
    case $code in '' | 000) said=$(tail -n 1 "$page.said") ;; esac
    return 1
  fi
  said="the page does not hold the text"
  [ -z "$contains" ] || grep -qF -- "$contains" "$page"
}}
"""

_PAUSE = 0.5
"""Seconds between two questions of the controller."""


class WaitHttp(JobAction):
    """Waits until a page has a status, and holds a text. Redirects are not followed; certificates are not judged."""

    description: ClassVar[Description] = Description(
        name="wait_http",
        summary="wait until a web page answers, seen from the host or the controller",
        arguments=(Parameter("url", Kind.STRING, "address of the page", required=True),),
        options=(
            Parameter("status", Kind.INTEGER, "status that is waited for", default=200),
            Parameter("contains", Kind.STRING, "text that the page must hold"),
            Parameter("within", Kind.DURATION, "how long to try", default=DEFAULT_WITHIN),
            Parameter("from", Kind.STRING, "who asks", default="host", choices=("host", "controller")),
        ),
        idempotent=True,
        example='wait_http "http://127.0.0.1/health" status 200 within 30s',
    )

    @override
    def looking(self, action: Action) -> Action:
        return once(action)

    @override
    def expects(self, call: Call) -> str:
        text = call.options["contains"]
        return f"status {call.options['status']}" + (f" and a page with `{show(text)}`" if text is not None else "")

    @override
    def check(self, call: Call) -> None:
        scheme = urllib.parse.urlsplit(call.text(0)).scheme
        if scheme not in ("http", "https"):
            raise InvalidAction(
                call.kind, f"`{show(call.arguments[0])}` is no web address", "it begins with http:// or https://"
            )

    @override
    def plan(self, call: Call, context: Context) -> str:
        return f"wait for {show(call.arguments[0])} with status {call.options['status']}{within(call)}"

    @override
    def durable(self, call: Call) -> bool:
        return call.plain("from") == "host"

    @override
    async def perform(self, call: Call, context: Context, attempt: int) -> ActionResult:
        """From the controller; from the host it is a job."""
        if self.durable(call):
            return await super().perform(call, context, attempt)
        end = time.monotonic() + call.options["within"]
        while said := await asyncio.to_thread(_ask, call.text(0), call.options["status"], call.plain("contains") or ""):
            if time.monotonic() >= end:
                what = f"{show(call.arguments[0])} did not answer with status {call.options['status']}"
                raise ActionFailed(call.kind, context.host.name, f"{what}{within(call)}: {said}")
            await asyncio.sleep(_PAUSE)
        return ActionResult()

    @override
    def job(self, call: Call, context: Context, attempt: int) -> Job:
        text = _SCRIPT.format(
            url=shlex.quote(call.text(0)),
            status=call.options["status"],
            contains=shlex.quote(call.plain("contains") or ""),
        )
        return command_job(call, context, attempt, text + LOOP.format(within=round(call.options["within"])))

    @override
    def result(self, call: Call, context: Context, outcome: Outcome) -> ActionResult:
        return waited(
            call, context, outcome, f"{show(call.arguments[0])} did not answer with status {call.options['status']}"
        )


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers like others."""

    @override
    def redirect_request(self, *_: object) -> None:
        return None


def _ask(url: str, status: int, contains: str) -> str:
    """What is not as wanted; empty when all is."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    # No proxy: the page is one of the deployment's own.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), _Stay, urllib.request.HTTPSHandler(context=trusting)
    )
    try:
        with opener.open(url, timeout=10) as answer:
            return _judge(answer.status, answer.read(), status, contains)
    except urllib.error.HTTPError as error:
        with error:
            return _judge(error.code, error.read(), status, contains)
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _judge(code: int, page: bytes, status: int, contains: str) -> str:
    if code != status:
        return f"status {code}"
    return "" if contains.encode() in page else "the page does not hold the text"
