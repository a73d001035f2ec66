# The agent of a host: a POSIX shell that reads requests from its standard input and writes frames to its standard output.
#
# A request is one line that calls a function below; only `up` is followed by raw bytes. Every frame is one line written at
# once, shorter than PIPE_BUF (4096), so that jobs that end together do not mix their lines. RUN, HOST and MINE (this
# controller's number, 0 at its first connection) are set in front of this text.
#
# A job NAME is the files NAME.job (its text; creating it is the claim that makes a job run once), NAME.pid (who runs it, later
# how it ended), NAME.out, NAME.err, NAME.kill (somebody ended it). Its runner, a fork of this shell, outlives the agent.

set -C
umask 077
unset CDPATH
NL='
'
STOP=
known=

say() { printf '%s\n' "$*"; }
die() {
  printf '\nMADEUS 1 failed %s\n' "$*"
  exit 1
}

now() { read -r NOW rest </proc/uptime; }

# birth PID: BIRTH (start time), STATE, PARENT, GROUP, SESSION of a process; false when there is none.
birth() {
  BIRTH=
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  STATE=$1 PARENT=$2 GROUP=$3 SESSION=$4 BIRTH=${20}
}

# alive PID BIRTH: that very process exists and is no zombie.
alive() {
  birth "$1" && [ "$BIRTH" = "$2" ] || return 1
  case $STATE in Z | X) return 1 ;; esac
}

# become USER: AS is the prefix that runs a command as that user, empty for ourselves; false with WHY when it cannot be.
become() {
  AS=
  case $1 in '' | "$me") return 0 ;; esac
  how=
  if [ "$uid" = 0 ] && command -v runuser >/dev/null 2>&1; then how=runuser; fi
  case " $known " in
    *" $1 "*) ;;
    *)
      if ! id -u "$1" >/dev/null 2>&1; then
        WHY="there is no user $1"
        return 1
      elif [ -z "$how" ] && ! command -v sudo >/dev/null 2>&1; then
        WHY="cannot become $1: sudo is not installed"
        return 1
      elif [ -z "$how" ] && ! WHY=$(sudo -n -u "$1" -- true 2>&1); then
        WHY="cannot become $1: $(printf '%s' "$WHY" | tr '\n' ' ' | head -c 1000)"
        return 1
      fi
      known="$known $1"
      ;;
  esac
  if [ -n "$how" ]; then AS="runuser -u $1 --"; else AS="sudo -n -H -u $1 --"; fi
}

# up FILE COUNT FIRST: COUNT raw bytes that follow go to a file. All of them are read whatever happens to the disk.
up() {
  if [ "$3" = 1 ]; then rm -f "$D/$1"; fi
  head -c "$2" | { cat >>"$D/$1" || {
    cat >/dev/null
    false
  }; } 2>/dev/null || : >|"$D/$1.bad"
}

# start NAME LIMIT USER FLAGS TEXT: FLAGS are e (ephemeral), i (has an input file), b (its text is in NAME.big).
start() {
  if [ -e "$D/$1.job" ]; then
    watch "$1" "$2"
    return
  fi
  if ! become "$3"; then
    say "E $1 $WHY"
    return
  fi
  case $4 in
    *[ib]*) if [ -e "$D/$1.in.bad" ] || [ -e "$D/$1.big.bad" ]; then
      rm -f "$D/$1".*
      say "E $1 its input could not be stored in $D (is the disk full?)"
      return
    fi ;;
  esac
  if ! { printf '%s\n' "$5" >"$D/$1.job" && printf '%-160s\n%-80s\n' "0 0 0 0 0 - $boot ." "" >|"$D/$1.pid"; } 2>/dev/null; then
    rm -f "$D/$1".*
    say "E $1 its files could not be written in $D (is the disk full?)"
    return
  fi
  runner "$1" "$2" "${3:--}" "$4" &
  jobs >/dev/null 2>&1
}

# The process beside a job: starts it, waits for it, records how it ended, and says so when somebody listens.
runner() {
  trap - TERM
  f="$D/$1" id=$1 limit=$2 user=$3 flags=$4
  read -r own rest </proc/self/stat
  birth "$own"
  ownbirth=$BIRTH
  now
  began=$NOW
  input=/dev/null body="$f.job" stage=
  case $flags in *i*) input="$f.in" ;; esac
  case $flags in *b*) body="$f.big" ;; esac
  if [ -z "$AS" ]; then
    export MADEUS_JOB="$RUN/$id"
    { umask 022 && exec setsid $DEFAULT /bin/sh "$body"; } <"$input" >|"$f.out" 2>|"$f.err" &
  else
    eval "theirs=~$user"
    stage=$({
      printf 'export MADEUS_JOB=%s HOME=%s USER=%s LOGNAME=%s\n' "$RUN/$id" "$theirs" "$user" "$user"
      printf 'cd ~ 2>/dev/null || cd /\n'
      cat "$body"
    } | $AS /bin/sh -c 'cd /; umask 077; d=$(mktemp -d) && cat >"$d/job" && echo "$d"')
    if [ -z "$stage" ]; then
      rm -f "$f".*
      say "E $id no temporary directory of $user could be had"
      exit
    fi
    (cd / && umask 022 && exec setsid $DEFAULT $AS /bin/sh "$stage/job") <"$input" >|"$f.out" 2>|"$f.err" &
  fi
  p=$!
  birth "$p"
  who="$own $ownbirth $p $BIRTH $began $user $boot ."
  printf '%-160s\n' "$who" 1<>"$f.pid"
  wait "$p"
  rc=$?
  now
  k=-
  if [ -e "$f.kill" ]; then k=k; fi
  # In place: a full disk has room for what is there already.
  printf '%-160s\n%-80s\n' "$who" "$rc $began $NOW $k ." 1<>"$f.pid"
  if [ -n "$stage" ]; then $AS rm -rf "$stage"; fi
  case $flags in *[ib]*) rm -f "$f.in" "$f.big" ;; esac
  report "$id" "$limit" "$rc" "$began" "$NOW" "$k"
  case $flags in *e*) rm -f "$f".* ;; esac
}

# report NAME LIMIT CODE BEGAN ENDED KILLED: small outputs in the frame itself, larger ones in frames before it.
report() {
  outs=0 errs=0 o=- e=-
  if [ -s "$D/$1.out" ]; then outs=$(wc -c <"$D/$1.out"); fi
  if [ -s "$D/$1.err" ]; then errs=$(wc -c <"$D/$1.err"); fi
  if [ $((outs + errs)) -le 2700 ]; then
    if [ $((outs)) -gt 0 ]; then o=$(base64 -w 0 <"$D/$1.out"); fi
    if [ $((errs)) -gt 0 ]; then e=$(base64 -w 0 <"$D/$1.err"); fi
  fi
  # More than fits, or a daemon left behind by the job has written meanwhile.
  if [ $((outs + errs)) -gt 2700 ] || [ $((${#o} + ${#e})) -gt 3700 ]; then
    o=+ e=+
    stream O "$1" out $((outs)) "$2"
    stream P "$1" err $((errs)) "$2"
  fi
  say "D $1 $3 $4 $5 $6 $((outs)) $((errs)) $o $e"
}

# stream LETTER NAME SUFFIX SIZE LIMIT: the first SIZE bytes, or the first and last half of LIMIT of them.
stream() {
  if [ "$4" -le "$5" ]; then
    head -c "$4" "$D/$2.$3"
  else
    head -c $(($5 / 2)) "$D/$2.$3"
    head -c "$4" "$D/$2.$3" | tail -c $(($5 - $5 / 2))
  fi | base64 -w 3900 | awk -v p="$1 $2 " '{ print p $0; fflush() }'
}

# watch NAME LIMIT: say what is known of a job; when it is alive, say its end too.
watch() {
  watcher "$@" &
  jobs >/dev/null 2>&1
}

watcher() {
  trap - TERM
  tries=0 told= gone=
  while :; do
    if [ ! -e "$D/$1.job" ]; then
      say "N $1 $boot"
      return
    fi
    w= x= p=0
    { {
      read -r own ownbirth p pbirth began user jobboot w
      read -r rc began2 ended k x
    } <"$D/$1.pid"; } 2>/dev/null
    if [ "$x" = . ]; then
      report "$1" "$2" "$rc" "$began2" "$ended" "$k"
      return
    fi
    if [ "$w" = . ] && [ "$jobboot" != "$boot" ]; then
      say "V $1 the host was restarted"
      return
    elif [ "$w" = . ] && [ "$p" != 0 ]; then
      if alive "$own" "$ownbirth" || alive "$p" "$pbirth"; then
        gone=
        if [ -z "$told" ]; then
          told=1
          now
          say "L $1 $began $NOW"
        fi
        sleep 0.2
      elif [ -n "$gone" ]; then
        say "V $1 it was ended from outside"
        return
      else
        gone=1
      fi
    elif [ $tries -ge 40 ]; then
      say "V $1 its start was interrupted"
      return
    else
      tries=$((tries + 1))
      sleep 0.05
    fi
  done
}

# stop NAME TENTHS: end a job and all that came from it; TENTHS of a second between SIGTERM and SIGKILL.
stop() {
  stopper "$@" &
  jobs >/dev/null 2>&1
}

stopper() {
  trap - TERM
  f="$D/$1" tries=0 p=0 x=
  while [ -e "$f.job" ]; do
    { {
      read -r own ownbirth p pbirth began user jobboot w
      read -r rc began2 ended k x
    } <"$f.pid"; } 2>/dev/null
    if [ "$x" = . ] || [ "$p" != 0 ] || [ $tries -ge 40 ]; then break; fi
    tries=$((tries + 1))
    sleep 0.05
  done
  if [ ! -e "$f.job" ] || [ "$x" = . ] || [ "$p" = 0 ] || [ "$jobboot" != "$boot" ]; then
    say "Z $1"
    return
  fi
  : >|"$f.kill"
  if [ "$user" = - ]; then user=; fi
  become "$user"
  read -r self rest </proc/self/stat
  family= round=0
  if birth "$p" && [ "$BIRTH" != "$pbirth" ]; then p=none; fi
  while
    gather "$RUN/$1"
    [ -n "$members" ]
  do
    if [ $round = 0 ]; then
      signal TERM
      signal CONT
    elif [ $round -ge "$2" ]; then
      signal KILL
    fi
    round=$((round + 1))
    sleep 0.1
  done
  # The runner records the end of its job; nobody reads about it before.
  while alive "$own" "$ownbirth"; do sleep 0.05; done
  say "Z $1"
}

signal() {
  kill -s "$1" $members 2>/dev/null
  if [ -n "$AS" ] && [ "$uid" != 0 ]; then $AS kill -s "$1" $members 2>/dev/null; fi
}

# gather MARK: members = living processes of the job: its session and group, what descends from them, what carries the mark.
gather() {
  members= more=1
  marked=" $(grep -lzsxF "MADEUS_JOB=$1" /proc/[0-9]*/environ 2>/dev/null | tr '\n' ' ')"
  while [ -n "$more" ]; do
    more=
    for entry in /proc/[0-9]*; do
      q=${entry#/proc/}
      case " $members $own $self " in *" $q "*) continue ;; esac
      birth "$q" || continue
      case $STATE in Z | X) continue ;; esac
      if [ "$q" != "$p" ] && [ "$SESSION" != "$p" ] && [ "$GROUP" != "$p" ]; then
        case "$family $marked" in
          *" $PARENT "* | *" $q:$BIRTH "* | *" $entry/environ "*) ;;
          *) continue ;;
        esac
      fi
      members="$members $q" family="$family $q $q:$BIRTH " more=1
    done
  done
}

# forget RUN: delete what is kept of a run.
forget() {
  rm -rf "$B/$1/$HOST"
  rmdir "$B/$1" 2>/dev/null
  say "F $1"
}

own() {
  mkdir -p "$D" && printf '%s %s %s\n' "$number" $$ "$birth" >|"$D/owner.new" && mv "$D/owner.new" "$D/owner"
}

for tool in awk base64 head id mkdir mv rm rmdir setsid sleep tail wc; do
  command -v $tool >/dev/null 2>&1 || die "the command $tool is missing"
done
[ -r /proc/self/stat ] && [ -r /proc/uptime ] || die "it has no /proc (the hosts must be Linux)"
uid=$(id -u)
me=$(id -un 2>/dev/null) || me=$uid
read -r boot </proc/sys/kernel/random/boot_id
DEFAULT=
# A shell without job control lets its background commands ignore SIGINT and SIGQUIT; daemons started by jobs should not.
if env --default-signal=INT,QUIT true 2>/dev/null; then DEFAULT="env --default-signal=INT,QUIT"; fi
B=${TMPDIR:-/var/tmp}
if [ -d /var/tmp ] && [ -w /var/tmp ]; then B=/var/tmp; fi
B="$B/madeus-$uid"
mine() {
  mkdir -m 700 "$B" 2>/dev/null
  [ -d "$B" ] && [ ! -L "$B" ] && [ -O "$B" ]
}
roomy() {
  mkdir -p "$B/$RUN/$HOST" && head -c 65536 /dev/zero >|"$B/$RUN/$HOST/room" && rm "$B/$RUN/$HOST/room"
}
case $RUN in
layers-*)
  # What lasts no longer than its connection may be in memory: a full disk keeps nobody from making room on it.
  if ! { mine && roomy; } 2>/dev/null && [ -d /dev/shm ] && [ -w /dev/shm ]; then
    rm -rf "$B/$RUN" 2>/dev/null
    B=/dev/shm/madeus-$uid
  fi
  ;;
esac
mine || die "the directory $B belongs to somebody else, or could not be made (is the disk full?)"
D="$B/$RUN/$HOST"

birth $$
birth=$BIRTH
number=0
if { read -r number pid pidbirth <"$D/owner"; } 2>/dev/null; then
  if [ "$MINE" != 0 ] && [ "$MINE" != "$number" ]; then
    say "${NL}MADEUS 1 taken $number"
    exit 1
  fi
  # An agent that is still there, behind a dead connection perhaps: it ends the request it is at and starts nothing more.
  if alive "$pid" "$pidbirth"; then kill -s TERM "$pid" 2>/dev/null; fi
  tries=0
  while alive "$pid" "$pidbirth"; do
    tries=$((tries + 1))
    if [ $tries -ge 40 ]; then kill -s KILL "$pid" 2>/dev/null; fi
    sleep 0.05
  done
fi
if [ "$MINE" = 0 ]; then number=$((number + 1)); else number=$MINE; fi
own 2>/dev/null || die "nothing can be written in $D (is the disk full?)"
trap 'STOP=1' TERM
say "${NL}MADEUS 1 ok $number $boot $uid $me $HOME"
while IFS= read -r line; do
  if [ -n "$STOP" ]; then break; fi
  if [ ! -d "$D" ]; then own 2>/dev/null; fi
  eval "$line"
done
if [ -n "$STOP" ]; then say T; fi
