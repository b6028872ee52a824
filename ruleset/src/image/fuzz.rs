//! An image whose checksum holds but whose content is anybody's: it opens or not, and when it
//! opens, every accessor answers.

use cairn_merkle::Digest;

use super::Image;
use super::record::CHECKED_FROM;
use crate::scope::{Origin, Scope};

/// Bytes of the checksum, which stands right before what it covers.
const CHECKSUM_BYTES: usize = 32;
/// Offset of the file's length.
const LENGTH_AT: usize = CHECKED_FROM - CHECKSUM_BYTES - 8;

/// Seals the bytes, so that a fuzzer gets past the checksum, then opens and walks them.
pub(crate) fn image(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    let length = (bytes.len() as u64).to_le_bytes();
    let Some(sum) = bytes.get(CHECKED_FROM..).map(Digest::of) else {
        assert!(Image::open(bytes.as_slice()).is_err(), "shorter than its head");
        return;
    };
    bytes[LENGTH_AT..LENGTH_AT + 8].copy_from_slice(&length);
    bytes[CHECKED_FROM - CHECKSUM_BYTES..CHECKED_FROM].copy_from_slice(&sum.0);
    if let Ok(image) = Image::open(bytes.as_slice()) {
        walk(&image);
    }
}

/// Touches everything. What was checked once must not fail, and indices stay in bounds.
fn walk(image: &Image<&[u8]>) {
    for param in image.params() {
        assert_eq!(image.param_index(param.name), Some(param.index), "found by its name");
        assert_eq!(image.param(param.index), Some(param));
    }
    let nowhere = image.page(&Scope::default());
    assert_eq!(nowhere.values, image.params().map(|param| param.default).collect::<Vec<_>>());
    assert!(nowhere.origins.iter().all(|origin| *origin == Origin::Default));
    for known in image.overrides() {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let scope = Scope { zone: owned(known.zone), shard: owned(known.shard) };
        let (page, at) = (image.page(&scope), usize::from(known.param));
        assert_eq!((page.values[at], page.origins[at]), (known.value, scope.origin()), "{scope}");
        assert_eq!(page.key, image.page_key(&scope));
    }
    for index in 0..image.trigger_count() as u16 {
        assert!(image.trigger(index).is_some());
        assert!(image.fields(index).count() <= crate::limits::FIELDS_MAX);
    }
    assert_eq!(image.counters().count(), image.counter_count());
    assert_eq!(image.timers().count(), image.timer_count());
    for index in 0..image.table_count() as u16 {
        assert!(image.table(index).is_some());
        assert_eq!(image.entries(index).count(), image.table(index).map_or(0, |t| t.entry_count));
    }
    for index in 0..image.enum_count() as u16 {
        assert!(image.enum_name(index).is_some());
        assert!(image.enum_values(index).count() <= crate::limits::ENUM_VALUES_MAX);
    }
    assert_eq!(image.fragments().count(), image.fragment_count());
    for fragment in image.fragments() {
        assert!(fragment.meta().is_ok(), "`{}`", fragment.name);
        let _ = fragment.wasm.len();
    }
}
