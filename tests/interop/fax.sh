# A fax that libtiff wrote becomes a PDF that poppler reads back to the very dots, in every coding of fax equipment.
make=$here/../../fixtures/make
"$make/faxes.sh" . >/dev/null 2>&1
for page in 1 2; do python3 "$make/fax_page.py" "$((page * 150))" "page$page.pbm"; done
sqlite() { python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' "$db" "$1"; }
sqlite "INSERT INTO setting VALUES ('0600001111', 'fax-mail', 1, 1, '{}', 0)"
for file in mh-lsb mr-big-endian mr-fill mmr-strips mmr-bigtiff plain packbits; do
  "$karipass" event fax 0312345678 0600001111 "$file.tif" --db "$db" --json >"$file.json"
  id=$(sed -n 's/.*"fax":\([0-9]*\).*/\1/p' "$file.json")
  python3 "$here/fax_site.py" "$site" "$karipass" "$id" "$file.pdf" "$file.back.tif" "sip:0664806430@127.0.0.1:$port"
  cmp "$file.tif" "$file.back.tif"
  pdfinfo "$file.pdf" | grep -q "^Pages: *$(tiffinfo "$file.tif" 2>/dev/null | grep -c '^=== TIFF directory')" || { echo "$file: pages"; exit 1; }
  # 8.47 by 1.53 inches: the paper's size
  pdfinfo "$file.pdf" | grep -q "^Page size: *609.88[0-9]* x 110.2[0-9]* pts" || { pdfinfo "$file.pdf"; exit 1; }
  pdfimages "$file.pdf" "$file"
  # strips are images of their own: their dots follow each other
  python3 "$here/fax_dots.py" page1.pbm page2.pbm "$file"-*.pbm
  echo "$file: the same dots"
done
