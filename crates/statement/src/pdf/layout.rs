//! Pages of text in rows: where each piece stands, and what it is for someone who listens to it.

use std::sync::LazyLock;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::tagging::{
    ArtifactType, ContentTag, Identifier, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
};
use krilla::text::{Font, TextDirection};
use ttf_parser::Face;

const REGULAR: &[u8] = include_bytes!("../../fonts/Inter-Regular.otf");
const BOLD: &[u8] = include_bytes!("../../fonts/Inter-SemiBold.otf");

/// A4 in points.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 56.0;
const BOTTOM: f32 = HEIGHT - 64.0;
/// The size of letters in tables.
pub(super) const CELL_SIZE: f32 = 8.5;

static FACES: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    [REGULAR, BOLD].map(|bytes| Face::parse(bytes, 0).expect("the fonts of this crate are fonts"))
});

/// A piece of text at its place.
struct Piece {
    page: usize,
    at: Point,
    size: f32,
    bold: bool,
    text: String,
}

/// What pieces are together.
enum Part {
    Group(TagKind, Vec<Part>),
    Piece(usize),
}

/// Where a column ends or begins, and how its cells stand.
#[derive(Clone, Copy)]
pub(super) enum Column {
    Left(f32),
    Right(f32),
}

/// Pages that grow downwards.
pub(super) struct Layout {
    pieces: Vec<Piece>,
    rules: Vec<(usize, f32)>,
    parts: Vec<Part>,
    page: usize,
    y: f32,
    /// Printed at the foot of each page, before its number.
    foot: String,
}

/// Replaces letters that the fonts lack.
pub(super) fn printable(text: &str) -> String {
    let known = |letter: char| FACES.iter().all(|face| face.glyph_index(letter).is_some());
    text.chars().map(|letter| if known(letter) { letter } else { '?' }).collect()
}

fn width(text: &str, size: f32, bold: bool) -> f32 {
    let face = &FACES[usize::from(bold)];
    let advance =
        |letter| face.glyph_index(letter).and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(0);
    let units: u32 = text.chars().map(|letter| u32::from(advance(letter))).sum();
    units as f32 * size / f32::from(face.units_per_em())
}

impl Layout {
    pub(super) fn new(foot: &str) -> Self {
        let (pieces, rules, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { pieces, rules, parts, page: 0, y: MARGIN, foot: printable(foot) }
    }

    /// Writes the title of the document.
    pub(super) fn title(&mut self, text: &str) {
        self.heading(text, 1, 20.0);
    }

    pub(super) fn section(&mut self, text: &str) {
        self.y += 14.0;
        self.heading(text, 2, 12.0);
    }

    fn heading(&mut self, text: &str, level: u16, size: f32) {
        // A heading at the foot of a page would stand alone.
        self.make_room(size + 60.0);
        let piece = self.put(Column::Left(0.0), size, true, text);
        self.y += size * 1.5;
        let level = std::num::NonZeroU16::new(level).unwrap_or(std::num::NonZeroU16::MIN);
        self.parts.push(Part::Group(Tag::Hn(level, Some(printable(text))).into(), vec![piece]));
    }

    /// Writes a paragraph, broken at spaces.
    pub(super) fn paragraph(&mut self, text: &str) {
        const SIZE: f32 = 9.0;
        let mut pieces = Vec::new();
        for line in broken(&printable(text), SIZE, WIDTH - 2.0 * MARGIN) {
            self.make_room(SIZE);
            pieces.push(self.put(Column::Left(0.0), SIZE, false, &line));
            self.y += SIZE * 1.45;
        }
        self.y += 4.0;
        self.parts.push(Part::Group(Tag::P.into(), pieces));
    }

    /// Writes a table. The last rows may be totals, in bold under a line.
    pub(super) fn table(&mut self, columns: &[Column], head: &[String], rows: &[Vec<String>], totals: usize) {
        const SIZE: f32 = CELL_SIZE;
        let mut head_cells = Vec::new();
        self.make_room(40.0);
        for (column, text) in columns.iter().zip(head) {
            let piece = self.put(*column, SIZE, true, text);
            head_cells.push(Part::Group(Tag::TH(TableHeaderScope::Column).into(), vec![piece]));
        }
        self.rule(SIZE + 3.0);
        self.y += SIZE + 8.0;
        let head_row = Part::Group(Tag::TR.into(), head_cells);
        let mut body = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let total = place + totals >= rows.len();
            self.make_room(SIZE * 2.0);
            if place + totals == rows.len() {
                self.rule(-2.5);
                self.y += 2.0;
            }
            let cells = columns.iter().zip(row).map(|(column, text)| {
                // An empty cell holds a space, so that every row has all columns to one who listens.
                let text = if text.is_empty() { " " } else { text };
                Part::Group(Tag::TD.into(), vec![self.put(*column, SIZE, total, text)])
            });
            body.push(Part::Group(Tag::TR.into(), cells.collect()));
            self.y += SIZE * 1.6;
        }
        let head = Part::Group(Tag::THead.into(), vec![head_row]);
        let parts =
            if body.is_empty() { vec![head] } else { vec![head, Part::Group(Tag::TBody.into(), body)] };
        self.parts.push(Part::Group(Tag::Table.into(), parts));
        self.y += 4.0;
    }

    fn rule(&mut self, below: f32) {
        self.rules.push((self.page, self.y + below));
    }

    fn make_room(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.page += 1;
            self.y = MARGIN;
        }
    }

    fn put(&mut self, column: Column, size: f32, bold: bool, text: &str) -> Part {
        let text = printable(text);
        let x = match column {
            Column::Left(x) => MARGIN + x,
            Column::Right(x) => MARGIN + x - width(&text, size, bold),
        };
        self.pieces.push(Piece { page: self.page, at: Point::from_xy(x, self.y + size), size, bold, text });
        Part::Piece(self.pieces.len() - 1)
    }

    /// Draws all pages and the tree of what they say.
    pub(super) fn draw(self, document: &mut Document) {
        let font = |bytes: &'static [u8]| {
            Font::new(bytes.to_vec().into(), 0).expect("the fonts of this crate are fonts")
        };
        let fonts = [font(REGULAR), font(BOLD)];
        let mut identifiers: Vec<Option<Identifier>> = self.pieces.iter().map(|_| None).collect();
        let pages = self.page + 1;
        for number in 0..pages {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).expect("A4 is a page");
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            surface.set_fill(Some(Fill { paint: rgb::Color::new(20, 24, 28).into(), ..Fill::default() }));
            for (place, piece) in self.pieces.iter().enumerate().filter(|(_, piece)| piece.page == number) {
                identifiers[place] = Some(surface.start_tagged(ContentTag::Span(SpanTag::empty())));
                let font = fonts[usize::from(piece.bold)].clone();
                surface.draw_text(piece.at, font, piece.size, &piece.text, false, TextDirection::LeftToRight);
                surface.end_tagged();
            }
            surface.start_tagged(ContentTag::Artifact(ArtifactType::Footer));
            let foot = format!("{}   {} / {pages}", self.foot, number + 1);
            let at = Point::from_xy(MARGIN, HEIGHT - 36.0);
            surface.draw_text(at, fonts[0].clone(), 7.5, &foot, false, TextDirection::LeftToRight);
            surface.end_tagged();
            surface.start_tagged(ContentTag::Artifact(ArtifactType::Other));
            for (_, y) in self.rules.iter().filter(|(page, _)| *page == number) {
                let mut path = PathBuilder::new();
                path.push_rect(
                    Rect::from_xywh(MARGIN, *y, WIDTH - 2.0 * MARGIN, 0.6).expect("a line is a rectangle"),
                );
                surface.draw_path(&path.finish().expect("a rectangle is a path"));
            }
            surface.end_tagged();
            surface.finish();
            page.finish();
        }
        let mut tree = TagTree::new();
        for part in self.parts {
            group(part, &mut identifiers, &mut |node| tree.children.push(node));
        }
        document.set_tag_tree(tree);
    }
}

fn group(part: Part, identifiers: &mut [Option<Identifier>], push: &mut dyn FnMut(krilla::tagging::Node)) {
    match part {
        Part::Piece(place) => push(identifiers[place].take().expect("each piece is drawn once").into()),
        Part::Group(tag, parts) => {
            let mut tagged = TagGroup::new(tag);
            for part in parts {
                group(part, identifiers, &mut |node| tagged.children.push(node));
            }
            push(tagged.into());
        }
    }
}

/// Breaks a text at spaces; a word wider than the line is broken where it must.
pub(super) fn broken(text: &str, size: f32, line: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is a line");
        let joined = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if width(&joined, size, false) <= line {
            *last = joined;
            continue;
        }
        if !last.is_empty() {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let last = lines.last_mut().expect("there is a line");
            last.push(letter);
            if width(last, size, false) > line {
                last.pop();
                lines.push(letter.to_string());
            }
        }
    }
    lines
}
