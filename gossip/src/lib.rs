//! The replication core: membership, dissemination, version vectors, anti-entropy, transfer. No I/O.
