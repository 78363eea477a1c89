# baresip, which knows MD5 alone, registers with the password of its line, and calls where no From is believed: line unit.
needs baresip sox
. "$here/baresip.bash"
"$karipass" contract add 0600001111=all --db karipass.db
cat >karipass.toml <<TOML
[sip]
listen = ["udp:$address:5060"]
digest_algorithms = ["MD5"]
TOML
printf 'correct-horse-7' | "$karipass" line passwd 0600001111 --db karipass.db --config karipass.toml
flags=(--config karipass.toml)
serve
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 120
baresip_config "audio_source aufile,$PWD/silence.wav" "$(with_keys)"
echo "<sip:0600001111@$address>;auth_user=0600001111;auth_pass=correct-horse-7;regint=600;audio_codecs=PCMU" >accounts
run_beside timeout 150 baresip -f "$PWD" -t 120
until_true 200 grep -q 'a telephone has registered' service.log || { cat timeout.log; echo "baresip does not register"; exit 1; }
# /dial from the console: what it writes there is read by the phone
printf '/dial sip:0664806430@%s\n' "$address" >"/dev/udp/$phone/5555"
key_in line 22360679
recorded set
verified line 0600001111 22360679
printf q >"/dev/udp/$phone/5555"
until_true 100 grep -q 'a telephone has registered.*contacts=0' service.log || { echo "baresip stays registered"; exit 1; }
! grep -aqE 'response="[^x]' traces/*.pcapng || { echo "an answer to a challenge is in the trace"; exit 1; }
