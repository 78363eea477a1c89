# baresip over TLS, which verifies the service's certificate; media in SRTP, which both sides require: line unit.
needs baresip sox openssl
"$karipass" call --help | grep -q -- --srtp || skip "this build has no SRTP"
. "$here/baresip.bash"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$address" -addext "subjectAltName=IP:$address" \
  -keyout key.pem -out cert.pem 2>openssl.log
cat >karipass.toml <<TOML
[sip]
listen = ["udp:$address:5060", "tls:$address:5061"]
certificate = "cert.pem"
key = "key.pem"
[rtp]
srtp = "required"
TOML
flags=(--demo)
serve --config karipass.toml || { ! grep -q "not served yet" service.log || skip "this build has no TLS"; exit 1; }
sox -q -n -r 8000 -c 1 -b 16 silence.wav trim 0 120
baresip_config "audio_source aufile,$PWD/silence.wav" "module srtp.so" "sip_cafile $PWD/cert.pem" "$(with_keys)"
echo "<sip:0600001111@$phone;transport=tls>;regint=0;audio_codecs=PCMU;mediaenc=srtp-mand" >accounts
run_beside timeout 150 baresip -f "$PWD" -t 120 -e "/dial sip:0664806430@$address:5061;transport=tls"
key_in line 26457513
recorded set
verified line 0600001111 26457513
# its messages came by TLS, its keys are not in the trace, and what it sent was encrypted
trace=$(ls traces/*.pcapng)
"$karipass" calls show "$(basename "$trace" .pcapng)" --db "$db" --trace traces >ladder
grep -q 'INVITE, SDP.*TLS' ladder
grep -q 'SRTP begins' ladder
! grep -aE 'inline:[^x]' "$trace" || { echo "a key is in the trace"; exit 1; }
