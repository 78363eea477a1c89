"""Are the dots of these images those of the pages, one after the other? fax_dots.py PAGE1.pbm PAGE2.pbm IMAGE.pbm …

A document may end after the first page. Images are as pdfimages writes them: 1 is black."""
import sys


def dots(file):
    kind, size, data = open(file, "rb").read().split(b"\n", 2)
    assert kind == b"P4", kind
    return data


pages = [dots(page) for page in sys.argv[1:3]]
images = b"".join(dots(image) for image in sys.argv[3:])
assert images in (pages[0], pages[0] + pages[1]), f"{len(images)} bytes of dots are not those of the pages"
