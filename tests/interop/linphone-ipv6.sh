# linphonec as it comes: where the machine has an IPv6 address it wants its media there, whatever its signalling goes over. Line unit.
needs linphonec sox
. "$here/linphone.bash"
serve
linphone_commands=
linphone_calls 1 0
key_in line 17320508
recorded set
verified line 0600001111 17320508
hang_up
# without such an address it is a call as any
"$karipass" calls show "$(basename "$(ls traces/*.pcapng)" .pcapng)" --db "$db" --trace traces | grep '^RTP '
