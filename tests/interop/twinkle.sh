# twinkle-console, with a sound card that is none: admin/user unit for an additional number, keys by telephone events.
needs twinkle-console
serve
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
PHONE
captured lo "net 127.77.$number.0/24 or udp portrange $((33000 + number * 100))-$((33099 + number * 100))"
mkfifo commands
HOME=$PWD/home timeout 120 twinkle-console phone <commands >twinkle.log 2>&1 &
running+=($!)
exec 7>commands
until_true 300 grep -q 'Local IP' twinkle.log
sleep 1
echo "call sip:0664806430@$address" >&7
press() {
  echo "dtmf $1" >&7
  sleep 0.4
}
key_in admin-user 24681357
recorded set
verified admin-user 0600002222 24681357
echo quit >&7
