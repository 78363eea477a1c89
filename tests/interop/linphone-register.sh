# linphonec registers with the password of its line, and calls where no From is believed: number unit.
needs linphonec sox
"$karipass" line --help >/dev/null 2>&1 || skip "this build has no registrar"
. "$here/linphone.bash"
"$karipass" contract add 0600001111=all --db karipass.db
"$karipass" contract list --db karipass.db
printf '[sip]\nlisten = ["udp:%s:5060"]\nregistrar = true\ndomains = ["%s"]\n' "$address" "$address" >karipass.toml
printf 'correct-horse-7' | "$karipass" line passwd 0600001111 --db karipass.db --config karipass.toml
flags=(--config karipass.toml)
serve
linphone_config="[proxy_0]
reg_proxy=<sip:$address>
reg_identity=sip:0600001111@$address
reg_expires=600
reg_sendregister=1
[auth_info_0]
username=0600001111
passwd=correct-horse-7"
linphone_calls 1 0
key_in number 22360679
recorded set
verified number 0600001111 22360679
hang_up
grep -q 'a telephone has registered' service.log
! grep -aqE 'response="[^x]' traces/*.pcapng || { echo "an answer to a challenge is in the trace"; exit 1; }
