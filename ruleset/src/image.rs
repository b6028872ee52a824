//! The image that readers map.
