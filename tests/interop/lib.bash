# What the cases have in common. A case is a shell script that is read in a folder of its own, with $address for the service and
# $phone for the telephone: two loopback addresses that no other case uses, so that ports may be fixed ones.

skip() { echo "$*"; exit 77; }
# needs PROGRAM …: the case is skipped where one is missing
needs() {
  local program
  for program; do
    command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || skip "$program is not installed"
  done
}
PATH=$PATH:/usr/sbin:/sbin
flags=(--demo --sip "${address:-}:5060")

# What is running, to be ended by its id when the case ends.
running=()
finish() {
  local result=$? pid
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${running[@]}"; do
    # the service gives running calls some seconds; nothing else takes as long
    if ! until_true 450 gone "$pid"; then
      echo "$(ps -o args= -p "$pid"): does not end"
      kill -9 "$pid"
      result=1
    fi
    wait "$pid" 2>/dev/null || true
  done
  if declare -F leave >/dev/null; then leave; fi
  exit "$result"
}
gone() { ! kill -0 "$1" 2>/dev/null || [[ "$(cat "/proc/$1/stat" 2>/dev/null)" == *") Z "* ]]; }
# run_beside COMMAND …: runs it beside the case, until the case ends; its output goes to a file named as it is
run_beside() { "$@" >"$(basename "$1").log" 2>&1 </dev/null & running+=($!); }

# captured INTERFACE FILTER [COMMAND …]: writes a capture to $CAPTURE, if one is wanted, by dumpcap run by the command
captured() {
  [ -n "${CAPTURE:-}" ] || return 0
  "${@:3}" dumpcap -q -i "$1" -f "$2" -w "$CAPTURE" 2>dumpcap.log &
  running+=($!)
  until_true 100 test -s "$CAPTURE"
}

# serve [FLAG …]: starts the service with an example store of its own; sets $port, $tcp_port, $site and $db. A case may set flags=(…) and
# configure it otherwise
serve() {
  db=$PWD/karipass.db
  RUST_LOG=info,karipass::call=trace ${in_namespace:-} "$karipass" serve "${flags[@]}" --json --db "$db" \
    --site "${listen:-$address}:8080" --trace "$PWD/traces" "$@" >listening 2>service.log &
  running+=($!)
  until_true 300 grep -qs '"listening":"site"' listening || { cat service.log; echo "the service does not say where it listens"; return 1; }
  port=5060 tcp_port=5060 site=$address:8080
}
# until_true TENTHS COMMAND …: until it succeeds, for at most so many tenths of a second
until_true() {
  local left=$1
  shift
  while ! "$@"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 0.1
  done
}
# step NAME: until the conversation has come to that step, and a while into its prompt, as a person would
step() {
  until_true 600 grep -q "step=\"$1\"" service.log || { echo "the conversation never comes to $1"; return 1; }
  sleep 1.5
}

# key_in UNIT PASSWORD: somebody who waits for the right moment, and presses keys by the case's own `press KEY`
key_in() {
  step unit-menu
  case $1 in
    line) press 1; step customer-number; keys 0600001111# ;;
    number) press 2; step offer-calling; press 1 ;;
    admin-user) press 3; step offer-calling; press 1 ;;
  esac
  step password; keys "$2#"
  step read-back; press 1
  step farewell
}
keys() {
  local rest=$1
  while [ -n "$rest" ]; do
    press "${rest:0:1}"
    rest=${rest:1}
  done
}

# verified UNIT NUMBER PASSWORD: the temporary password is in the store, another is not, and neither log nor trace tells it
verified() {
  stored "$@"
  traced "$3"
}
stored() {
  printf %s "$3" | "$karipass" account verify --db "$db" --unit "$1" --number "$2" >/dev/null || { echo "not stored"; return 1; }
  ! printf %s "${3}0" | "$karipass" account verify --db "$db" --unit "$1" --number "$2" >/dev/null || { echo "any password fits"; return 1; }
  ! grep -q "$3" service.log || { echo "the password is in the log"; return 1; }
  recorded set
}
# traced PASSWORD: the newest call's trace is there, is read by Wireshark, shows the call, and has no key in it
traced() {
  local id trace found
  id=$("$karipass" calls --db "$db" --last 1 --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
  trace=traces/$id.pcapng
  # what was written in the last half second is on the disk by then
  until_true 100 shows "$id" BYE || { "$karipass" calls show "$id" --db "$db" --trace traces; echo "no BYE in the trace"; return 1; }
  "$karipass" calls show "$id" --db "$db" --trace traces
  shows "$id" "INVITE, SDP ──"
  shows "$id" "200 OK (INVITE), SDP"
  ! grep -aq "$1" "$trace" || { echo "the password is in the trace"; return 1; }
  found=$("$karipass" decode --json "$trace" | grep -c '"digit"' || true)
  [ "$found" = 0 ] || { echo "$found digits are heard in the trace"; return 1; }
  command -v tshark >/dev/null || { echo "tshark is not installed: the trace is not shown to it"; return 0; }
  found=$(tshark -r "$trace" -Y 'sip.CSeq.method == INVITE' 2>tshark.log | wc -l)
  [ "$found" -ge 2 ] || { cat tshark.log; echo "tshark finds no INVITE and answer"; return 1; }
  [ "$(tshark -r "$trace" -Y rtp 2>/dev/null | wc -l)" -gt 100 ] || { echo "tshark finds no RTP"; return 1; }
  # what is encrypted (SRTCP) may look like anything
  [ "$(tshark -r "$trace" -Y '(_ws.malformed && !srtcp) || ip.checksum.status == 0 || udp.checksum.status == 0' -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE 2>/dev/null | wc -l)" = 0 ] || { echo "tshark finds the trace malformed"; return 1; }
  # event numbers of telephone events: none but the masked one
  ! tshark -r "$trace" -Y rtpevent -T fields -e rtpevent.event_id 2>/dev/null | grep -qvx 255 || { echo "an event is not masked"; return 1; }
}
shows() { "$karipass" calls show "$1" --db "$db" --trace traces | grep -q "$2"; }
# recorded OUTCOME: until a call is in the records that ended so
recorded() {
  has_record() { "$karipass" calls --db "$db" --json --outcome "$1" | grep -q outcome; }
  until_true 900 has_record "$1" || { "$karipass" calls --db "$db"; echo "no call ended as $1"; return 1; }
}
