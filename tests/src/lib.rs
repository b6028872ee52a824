//! End-to-end tests on real processes: agents, etcd, proxies, stock clients.
