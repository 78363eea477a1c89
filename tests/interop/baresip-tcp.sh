# baresip over TCP, keys pressed by hand as telephone events: line unit.
needs baresip sox
. "$here/baresip.bash"
serve
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 120
baresip_config "audio_source aufile,$PWD/silence.wav" "$(with_keys)"
echo "<sip:0600001111@$phone;transport=tcp>;regint=0;audio_codecs=PCMU" >accounts
run_beside timeout 150 baresip -f "$PWD" -t 120 -e "/dial sip:0664806430@$address;transport=tcp"
key_in line 48151623
recorded set
verified line 0600001111 48151623
