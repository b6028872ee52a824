//! Seeded simulation of the agent cores, the history checker, and a TCP proxy that breaks connections.
