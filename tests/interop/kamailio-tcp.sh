# baresip speaks UDP to Kamailio, and Kamailio TCP to the service.
needs baresip kamailio sox
. "$here/kamailio.bash"
. "$here/baresip.bash"
serve
kamailio_between tcp
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 120
baresip_config "audio_source aufile,$PWD/silence.wav" "$(with_keys)"
echo "<sip:0600002222@$phone>;regint=0;audio_codecs=PCMA" >accounts
run_beside timeout 150 baresip -f "$PWD" -t 120 -e "/dial sip:0664806430@$proxy"
key_in number 14142135
recorded set
verified number 0600002222 14142135
