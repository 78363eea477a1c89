# linphone_calls EVENTS INFO: linphonec calls the service, and reads commands and keys from a pipe. EVENTS and INFO: 1 or 0;
# $linphone_sip: more lines of its section [sip]; $linphone_config: more sections; $linphone_to: whom it
# calls; $linphone_commands: what it is told first
linphone_calls() {
  mkdir -p home/.local/share/linphone
  cat >rc <<RC
[sip]
sip_port=$((15100 + number))
sip_tcp_port=-1
contact=sip:0600001111@127.0.0.1
use_rfc2833=$1
use_info=$2
${linphone_sip:-}
[rtp]
audio_rtp_port=$((33000 + number * 100))
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
${linphone_config:-}
RC
  sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 60
  mkfifo commands
  HOME=$PWD/home timeout 120 linphonec -c rc -d 0 <commands >linphonec.log 2>&1 &
  running+=($!)
  exec 7>commands
  sleep 2
  printf '%s\n' "${linphone_commands-ipv6 disable}" 'soundcard use files' "play $PWD/silence.wav" "call ${linphone_to:-sip:0664806430@$address}" >&7
}
# linphonec does nothing else for a second after a key
press() {
  printf '%s\n' "$1" >&7
  sleep 1.1
}
hang_up() { printf '%s\n' terminate quit >&7; exec 7>&-; }
