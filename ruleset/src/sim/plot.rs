//! A picture of a simulation: one line per entry, observed and declared side by side.

use std::fmt::Write as _;

/// One line of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What stands beside it.
    pub label: String,
    /// Observed share, from 0 to 1.
    pub observed: f64,
    /// Its interval.
    pub interval: (f64, f64),
    /// Declared share, when it is known.
    pub declared: Option<f64>,
}

/// Lines of a picture; the rest is left out and counted below it.
pub const BARS_MAX: usize = 400;
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 40;

const LEFT: f64 = 300.0;
const RIGHT: f64 = 90.0;
const WIDTH: f64 = 960.0;
const TOP: f64 = 92.0;
const LINE: f64 = 24.0;
const BOTTOM: f64 = 44.0;
/// Powers of ten that the scale may go below one.
const DECADES_MAX: i32 = 9;

/// Draws bars for what was observed, with whiskers for the interval, and a stroke for what is
/// declared. The scale is logarithmic, because one entry may be a thousand times rarer than the
/// next. All text is escaped.
#[must_use]
pub fn svg(title: &str, subtitle: &str, bars: &[Bar]) -> String {
    let shown = bars.get(..BARS_MAX).unwrap_or(bars);
    let decades = decades(shown);
    let x = |share: f64| {
        let exponent = share.max(f64::MIN_POSITIVE).log10().clamp(-f64::from(decades), 0.0);
        LEFT + (WIDTH - LEFT - RIGHT) * (1.0 + exponent / f64::from(decades))
    };
    let bottom = TOP + LINE * shown.len() as f64;
    let height = bottom + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"18\" font-weight=\"600\" fill=\"#111827\">{0}</text>\n\
         <text x=\"16\" y=\"48\" fill=\"#4b5563\">{1}</text>\n\
         <rect x=\"16\" y=\"60\" width=\"14\" height=\"12\" fill=\"#7aa7d9\"/>\
         <text x=\"36\" y=\"71\" fill=\"#111827\">observed, with its 99.9 % interval</text>\n\
         <path d=\"M300 58v16\" stroke=\"#c2410c\" stroke-width=\"3\"/>\
         <text x=\"310\" y=\"71\" fill=\"#111827\">declared</text>\n",
        escape(title),
        escape(subtitle)
    );
    for decade in 0..=decades {
        let share = 10f64.powi(-decade);
        let at = x(share);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{bottom:.1}\" stroke=\"#e5e7eb\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#4b5563\">{}</text>",
            bottom + 18.0,
            percent(share)
        );
    }
    for (number, bar) in shown.iter().enumerate() {
        line(&mut svg, bar, TOP + LINE * number as f64, &x);
    }
    if shown.len() < bars.len() {
        let _ = writeln!(
            svg,
            "<text x=\"16\" y=\"{:.1}\" fill=\"#4b5563\">{} more entries are not drawn</text>",
            bottom + 36.0,
            bars.len() - shown.len()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// How many powers of ten the rarest share takes.
fn decades(bars: &[Bar]) -> i32 {
    let shares = bars.iter().flat_map(|bar| [Some(bar.observed), bar.declared]).flatten();
    let least = shares.filter(|share| *share > 0.0).fold(1.0, f64::min);
    (-least.log10().floor() as i32).clamp(1, DECADES_MAX)
}

fn line(svg: &mut String, bar: &Bar, y: f64, x: &dyn Fn(f64) -> f64) {
    let (middle, zero) = (y + LINE / 2.0, x(0.0));
    let label: String = bar.label.chars().take(LABEL_CHARS_MAX).collect();
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#111827\">{}</text>",
        LEFT - 10.0,
        middle + 4.5,
        escape(&label)
    );
    if bar.observed > 0.0 {
        let _ = write!(
            svg,
            "<rect x=\"{zero:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"#7aa7d9\"/>",
            middle - 7.0,
            (x(bar.observed) - zero).max(0.5)
        );
    }
    let (low, high) = (x(bar.interval.0), x(bar.interval.1));
    let _ = write!(
        svg,
        "<path d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {0:.1}v8M{high:.1} {0:.1}v8\" \
         stroke=\"#1f2937\" fill=\"none\"/>",
        middle - 4.0
    );
    if let Some(declared) = bar.declared {
        let at = x(declared);
        let _ = write!(
            svg,
            "<path d=\"M{at:.1} {:.1}v18\" stroke=\"#c2410c\" stroke-width=\"3\"/>",
            middle - 9.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#4b5563\">{}</text>",
        WIDTH - RIGHT + 10.0,
        middle + 4.5,
        percent(bar.observed)
    );
}

/// A share for people: three digits that matter.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        return "0 %".to_owned();
    }
    let digits = (2 - percent.log10().floor() as i32).clamp(0, 9);
    let text = format!("{percent:.*}", digits as usize);
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} %")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
