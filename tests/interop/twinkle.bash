# twinkle_calls: twinkle-console, with a sound card that is none, calls the service as 0600002222, and reads commands and keys from a pipe.
# $twinkle_profile: more lines of its profile
twinkle_calls() {
  mkdir -p home/.twinkle
  printf 'pcm.!default { type null }\nctl.!default { type null }\n' >home/.asoundrc
  cat >home/.twinkle/twinkle.sys <<SYS
dev_ringtone=alsa:default
dev_speaker=alsa:default
dev_mic=alsa:default
sip_udp_port=$((15300 + number))
sip_tcp_port=$((15300 + number))
rtp_port=$((33000 + number * 100))
SYS
  cat >home/.twinkle/phone <<PHONE
user_name=0600002222
user_domain=$phone
user_host=$phone
codecs=g711u
dtmf_transport=rfc2833
register_at_startup=no
${twinkle_profile:-}
PHONE
  mkfifo commands
  HOME=$PWD/home timeout 120 twinkle-console phone <commands >twinkle.log 2>&1 &
  running+=($!)
  exec 7>commands
  until_true 300 grep -q 'Local IP' twinkle.log
  sleep 1
  echo "call sip:0664806430@$address" >&7
}
press() {
  echo "dtmf $1" >&7
  sleep 0.4
}
