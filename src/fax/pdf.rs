//! A PDF of a fax's pages, each as large as the paper was.

use pdf_writer::{Chunk, Content, Filter, Finish, Name, Pdf, Rect, Ref};

use super::{Coding, Document, Page};

const POINTS_AN_INCH: f32 = 72.0;
/// The catalog and the tree of pages; pages, contents and images follow.
const FIXED: i32 = 2;

/// Makes the PDF.
pub fn to_pdf(document: &Document) -> Vec<u8> {
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let mut next = FIXED;
    let mut pdf = Pdf::new();
    let mut pages = Vec::new();
    let mut bodies = Vec::new();
    for page in &document.pages {
        let mut take = || {
            next += 1;
            Ref::new(next)
        };
        let (id, content) = (take(), take());
        let images: Vec<Ref> = page.strips.iter().map(|_| take()).collect();
        bodies.push(drawn(page, id, tree, content, &images));
        pages.push(id);
    }
    pdf.catalog(catalog).pages(tree);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(pages).count(count);
    for body in &bodies {
        pdf.extend(body);
    }
    pdf.finish()
}

fn drawn(page: &Page, id: Ref, tree: Ref, content: Ref, images: &[Ref]) -> Chunk {
    let mut chunk = Chunk::new();
    let points = |dots: u32, resolution: f32| dots as f32 / resolution * POINTS_AN_INCH;
    let (width, height) = (points(page.width, page.resolution.across), points(page.height, page.resolution.down));
    let names: Vec<String> = (1..=images.len()).map(|place| format!("S{place}")).collect();
    let mut object = chunk.page(id);
    object.media_box(Rect::new(0.0, 0.0, width, height)).parent(tree).contents(content);
    let mut resources = object.resources();
    let mut objects = resources.x_objects();
    for (name, image) in names.iter().zip(images) {
        objects.pair(Name(name.as_bytes()), *image);
    }
    objects.finish();
    resources.finish();
    object.finish();
    // an image is one by one: it is stretched to its place, and PDF counts upwards
    let mut drawing = Content::new();
    let mut above = 0;
    for (strip, name) in page.strips.iter().zip(&names) {
        above += strip.rows;
        let (tall, bottom) = (points(strip.rows, page.resolution.down), height - points(above, page.resolution.down));
        drawing.save_state().transform([width, 0.0, 0.0, tall, 0.0, bottom]);
        drawing.x_object(Name(name.as_bytes())).restore_state();
    }
    chunk.stream(content, &drawing.finish());
    for (strip, image) in page.strips.iter().zip(images) {
        let side = |dots: u32| i32::try_from(dots).unwrap_or(i32::MAX);
        let mut object = chunk.image_xobject(*image, &strip.data);
        object.width(side(page.width)).height(side(strip.rows)).bits_per_component(1);
        object.color_space().device_gray();
        match page.coding {
            // in plain lines a 0 is white where the TIFF says WhiteIsZero, and black in PDF's gray
            Coding::Plain | Coding::PackBits => {
                if page.coding == Coding::PackBits {
                    object.filter(Filter::RunLengthDecode);
                }
                if !page.inverted {
                    object.decode([1.0, 0.0]);
                }
            }
            Coding::ModifiedHuffman | Coding::Group3 | Coding::Group3TwoDimensional | Coding::Group4 => {
                object.filter(Filter::CcittFaxDecode);
                let mut parameters = object.decode_parms();
                parameters.k(k(page.coding)).columns(side(page.width)).rows(side(strip.rows));
                parameters.black_is_1(page.inverted).end_of_block(false);
                parameters.encoded_byte_align(page.coding == Coding::ModifiedHuffman);
            }
        }
    }
    chunk
}

/// ISO 32000-1 table 11: below 0 is T.6, 0 is T.4 in one dimension, above 0 T.4 in two.
fn k(coding: Coding) -> i32 {
    match coding {
        Coding::Group4 => -1,
        Coding::Group3TwoDimensional => 4,
        Coding::Group3 | Coding::ModifiedHuffman | Coding::Plain | Coding::PackBits => 0,
    }
}
