//! `cargo run -p lithify-plugin --example build -- CRATE OUTPUT TARGET`: what `lithify plugin build` does, for `plugins/dist`.
use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, output, target] = &arguments[..] else { panic!("want CRATE OUTPUT TARGET") };
    let built =
        lithify_plugin::build::build(Path::new(path), Path::new(target)).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(output, &built.component).unwrap();
    println!("{} {} bytes, {}, {}", built.digest, built.component.len(), built.manifest.name, built.compiler);
}
