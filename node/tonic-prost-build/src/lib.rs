//! Stands in for the crate of the same name in etcd-client's build script (see the `[patch]` in
//! the workspace manifest).
//!
//! The original shells out to a system `protoc`. This one parses the files with `protox`, in Rust,
//! and hands the descriptor set to `prost-build` and `tonic-build`. It has the three calls that
//! etcd-client makes, [`configure`], [`Builder::build_server`] and [`Builder::compile_protos`],
//! and nothing else.

use std::io;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use tonic_build::CodeGenBuilder;

/// What to generate. Made by [`configure`].
#[derive(Clone, Debug)]
pub struct Builder {
    build_server: bool,
}

/// Starts a configuration that generates clients and servers.
pub fn configure() -> Builder {
    Builder { build_server: true }
}

impl Builder {
    /// Whether server traits are generated beside the clients.
    #[must_use]
    pub fn build_server(mut self, enable: bool) -> Self {
        self.build_server = enable;
        self
    }

    /// Compiles `protos`, searching imports in `includes`, into `OUT_DIR`.
    ///
    /// # Errors
    /// A file that is missing or does not parse, with protox's own message; or an unwritable `OUT_DIR`.
    pub fn compile_protos(
        self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> io::Result<()> {
        let descriptors = protox::compile(protos, includes).map_err(io::Error::other)?;
        prost_build::Config::new()
            .service_generator(Box::new(Generator { server: self.build_server }))
            .compile_fds(descriptors)
    }
}

struct Generator {
    server: bool,
}

impl prost_build::ServiceGenerator for Generator {
    fn generate(&mut self, service: prost_build::Service, out: &mut String) {
        let service = Service {
            methods: service.methods.iter().cloned().map(Method).collect(),
            inner: service,
        };
        let mut generator = CodeGenBuilder::new();
        generator.emit_package(true).build_transport(true);
        let mut tokens: TokenStream = generator.generate_client(&service, "super");
        if self.server {
            tokens.extend(generator.generate_server(&service, "super"));
        }
        let file = syn::parse2(tokens).expect("tonic-build emits a well-formed Rust file");
        out.push_str(&prettyplease::unparse(&file));
    }
}

struct Service {
    inner: prost_build::Service,
    methods: Vec<Method>,
}

impl tonic_build::Service for Service {
    type Method = Method;
    type Comment = String;

    fn name(&self) -> &str {
        &self.inner.name
    }

    fn package(&self) -> &str {
        &self.inner.package
    }

    fn identifier(&self) -> &str {
        &self.inner.proto_name
    }

    fn methods(&self) -> &[Method] {
        &self.methods
    }

    fn comment(&self) -> &[String] {
        &self.inner.comments.leading
    }
}

struct Method(prost_build::Method);

impl tonic_build::Method for Method {
    type Comment = String;

    fn name(&self) -> &str {
        &self.0.name
    }

    fn identifier(&self) -> &str {
        &self.0.proto_name
    }

    fn codec_path(&self) -> &str {
        "tonic_prost::ProstCodec"
    }

    fn client_streaming(&self) -> bool {
        self.0.client_streaming
    }

    fn server_streaming(&self) -> bool {
        self.0.server_streaming
    }

    fn comment(&self) -> &[String] {
        &self.0.comments.leading
    }

    fn deprecated(&self) -> bool {
        self.0.options.deprecated()
    }

    fn request_response_name(&self, proto_path: &str, _: bool) -> (TokenStream, TokenStream) {
        (type_path(&self.0.input_type, proto_path), type_path(&self.0.output_type, proto_path))
    }
}

/// The Rust path of a message as the generated module sees it; etcd's services exchange only
/// messages of their own packages, never `google.protobuf` ones.
fn type_path(rust_type: &str, proto_path: &str) -> TokenStream {
    let path: syn::Path = syn::parse_str(&format!("{proto_path}::{rust_type}"))
        .expect("prost-build names messages by Rust paths");
    quote!(#path)
}
