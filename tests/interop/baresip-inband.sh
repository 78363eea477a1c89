# baresip plays a recording made by sox: admin/user unit, tones in the audio.
tone() { # KEY LOW HIGH: 120 ms of both tones, 120 ms of nothing
  sox -q -n -r 8000 -c 1 -b 16 "key$1.wav" synth 0.12 sine "$2" synth 0.12 sine mix "$3" gain -6 pad 0 0.12
}
tone 1 697 1209; tone 2 697 1336; tone 3 697 1477; tone 4 770 1209; tone 5 770 1336; tone 6 770 1477
tone 7 852 1209; tone 8 852 1336; tone 9 852 1477; tone 0 941 1336; tone h 941 1477
sox -q -n -r 8000 -c 1 -b 16 pause.wav trim 0 1.5
sox -q pause.wav key3.wav pause.wav key1.wav pause.wav \
  key7.wav key3.wav key1.wav key9.wav key2.wav key8.wav keyh.wav pause.wav key1.wav pause.wav pause.wav keys.wav
modules=$(dirname "$(dpkg -L baresip-core baresip 2>/dev/null | grep -m1 '/g711.so$')")
cat >config <<CONFIG
module_path $modules
module account.so
module g711.so
module aufile.so
module_app menu.so
sip_listen 127.0.0.1:0
audio_source aufile,$PWD/keys.wav
audio_player aufile,$PWD/heard.wav
audio_alert aufile,$PWD/alert.wav
net_interface 127.0.0.1
CONFIG
echo '<sip:0600001111@127.0.0.1>;regint=0;audio_codecs=PCMU' >accounts
touch contacts
timeout 60 baresip -f "$PWD" -t 45 -e "/dial sip:0664806430@127.0.0.1:$port" </dev/null || true
verified admin-user 0600001111 731928
