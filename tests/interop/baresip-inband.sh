# baresip plays a recording made by sox: admin/user unit, tones in the audio.
needs baresip sox
. "$here/baresip.bash"
serve
tone() { # KEY LOW HIGH: 120 ms of both tones, 120 ms of nothing
  sox -q -n -r 8000 -c 1 -b 16 "key$1.wav" synth 0.12 sine "$2" synth 0.12 sine mix "$3" gain -6 pad 0 0.12
}
tone 1 697 1209; tone 2 697 1336; tone 3 697 1477; tone 4 770 1209; tone 5 770 1336; tone 6 770 1477
tone 7 852 1209; tone 8 852 1336; tone 9 852 1477; tone 0 941 1336; tone h 941 1477
sox -q -n -r 8000 -c 1 -b 16 pause.wav trim 0 1.5
sox -q pause.wav key3.wav pause.wav key1.wav pause.wav \
  key7.wav key3.wav key1.wav key9.wav key2.wav key8.wav keyh.wav pause.wav key1.wav pause.wav pause.wav keys.wav
baresip_config "audio_source aufile,$PWD/keys.wav"
echo "<sip:0600001111@$phone>;regint=0;audio_codecs=PCMU" >accounts
run_beside timeout 120 baresip -f "$PWD" -t 90 -e "/dial sip:0664806430@$address"
recorded set
verified admin-user 0600001111 731928
