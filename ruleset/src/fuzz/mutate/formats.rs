//! What nodes read: numbers written longer than they need, and manifests whose root fits again.

use super::Plain;
use super::dice::Dice;
use crate::inclusion;
use crate::manifest::Manifest;

/// The letter of [`crate::fuzz::decoder`] before a manifest.
const MANIFEST: u8 = b'M';

/// The same format with other content. Its letter stays, most of the time.
pub fn formats(data: &[u8], max: usize, seed: u32, plain: Plain<'_>) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let Some((&letter, content)) = data.split_first().filter(|_| dice.below(16) > 0 && max > 1)
    else {
        let mut bytes = data.to_vec();
        plain(&mut bytes, max);
        return bytes;
    };
    let mut content = content.to_vec();
    if dice.below(8) > 0 || !pad(&mut content, max - 1, &mut dice) {
        plain(&mut content, max - 1);
    }
    if letter == MANIFEST && dice.below(4) > 0 {
        reroot(&mut content);
    }
    content.insert(0, letter);
    content
}

/// Writes a number of seven bits in two bytes. Whether a byte is such a number is not known here.
fn pad(bytes: &mut Vec<u8>, max: usize, dice: &mut Dice) -> bool {
    let at = dice.below(bytes.len());
    match bytes.get_mut(at) {
        Some(byte) if *byte < 0x80 => *byte |= 0x80,
        _ => return false,
    }
    bytes.insert(at + 1, 0);
    bytes.len() <= max
}

/// Puts the root of the fragments that are there in the place of the one that was.
fn reroot(bytes: &mut [u8]) {
    let Ok((manifest, _)) = postcard::take_from_bytes::<Manifest>(bytes) else { return };
    let (old, new) = (manifest.root.0, inclusion::root(&manifest.fragments).0);
    let found = bytes.windows(old.len()).position(|window| window == old);
    if let Some(place) = found.and_then(|at| bytes.get_mut(at..at + old.len())) {
        place.copy_from_slice(&new);
    }
}

#[cfg(test)]
mod tests {
    use super::formats;
    use crate::bundle_error::BundleError;
    use crate::fuzz::mutate::dice::Dice;
    use crate::manifest::Manifest;

    /// Other manifests are accepted, and those are met that only the last checks refuse.
    #[test]
    fn mutations_get_past_the_root() {
        let start = include_bytes!("../../../../fuzz/corpus/decoder/game-manifest");
        let (mut other, mut padded, mut unsorted, mut root) = (0, 0, 0, 0);
        for seed in 0..4_000 {
            let mut dice = Dice::new(!seed);
            let made = formats(start, 2_048, seed, &mut |bytes, max| dice.flip(bytes, max));
            assert!(made.len() <= 2_048);
            match made.split_first() {
                Some((b'M', bytes)) if made != start => match Manifest::decode(bytes) {
                    Ok(_) => other += 1,
                    Err(BundleError::NotCanonical { .. }) => padded += 1,
                    Err(BundleError::Unsorted { .. }) => unsorted += 1,
                    Err(BundleError::WrongRoot { .. }) => root += 1,
                    Err(_) => {}
                },
                _ => {}
            }
        }
        for (what, count) in
            [("other", other), ("padded", padded), ("unsorted", unsorted), ("root", root)]
        {
            assert!(count >= 5, "{what}: {count} of 4000");
        }
    }
}
