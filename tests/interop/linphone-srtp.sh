# linphonec with SRTP, which it requires, over UDP: admin/user unit.
needs linphonec sox
. "$here/linphone.bash"
serve
linphone_sip="media_encryption=srtp
media_encryption_mandatory=1"
linphone_calls 1 0
key_in admin-user 26457513
recorded set
verified admin-user 0600001111 26457513
hang_up
"$karipass" calls show "$(basename "$(ls traces/*.pcapng)" .pcapng)" --db "$db" --trace traces | grep -q 'SRTP begins'
