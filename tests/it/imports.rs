//! Which file uses which: read with a parser of Rust, `use` lines and paths in the code, re-exports followed to where an
//! item is defined. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// A module's path below the crate, its file's name left out: `["net", "tls"]`; none for the root.
type ModulePath = Vec<String>;

/// The sources of the program as modules, each a file.
pub(crate) struct Sources {
    modules: BTreeMap<ModulePath, Module>,
}

/// A file of the program.
struct Module {
    /// Below `src`, with slashes.
    file: String,
    items: Vec<Item>,
    /// Names that it defines.
    defined: BTreeSet<String>,
    /// Names that it takes in, and the path that each stands for.
    imports: BTreeMap<String, Vec<String>>,
    /// Modules of which it takes in everything.
    globs: Vec<Vec<String>>,
}

impl Sources {
    /// Everything below `src` that is not for tests alone.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Self {
            modules: BTreeMap::new(),
        };
        sources.add(&root, "lib.rs", Vec::new());
        sources.add(&root, "main.rs", vec!["main".to_owned()]);
        let count = sources.modules.len();
        assert!(count >= 100, "only {count} files: have they moved?");
        sources
    }

    fn add(&mut self, root: &Path, file: &str, path: ModulePath) {
        let text = fs::read_to_string(root.join(file)).expect("a source");
        let items = syn::parse_file(&text).expect("it is Rust").items;
        let mut module = Module {
            file: file.to_owned(),
            items: Vec::new(),
            defined: BTreeSet::new(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
        };
        for item in items {
            if attributes(&item).iter().any(is_for_tests) {
                continue;
            }
            match &item {
                Item::Mod(inner) if inner.content.is_none() => {
                    let name = inner.ident.to_string();
                    let folder = match file.rsplit_once('/') {
                        Some((folder, "mod.rs")) => format!("{folder}/"),
                        None if file == "lib.rs" => String::new(),
                        _ => format!("{}/", file.trim_end_matches(".rs")),
                    };
                    let beside = format!("{folder}{name}.rs");
                    let child = if root.join(&beside).exists() {
                        beside
                    } else {
                        format!("{folder}{name}/mod.rs")
                    };
                    let mut below = path.clone();
                    below.push(name);
                    self.add(root, &child, below);
                    continue;
                }
                Item::Use(used) => {
                    collect(&used.tree, &mut Vec::new(), &mut |path, name| match name {
                        Some(name) => {
                            module.imports.insert(name, path);
                        }
                        None => module.globs.push(path),
                    });
                }
                _ => module.defined.extend(name(&item)),
            }
            module.items.push(item);
        }
        self.modules.insert(path, module);
    }

    /// File → the files that it uses, itself left out.
    pub(crate) fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::new();
        for (path, module) in &self.modules {
            let mut paths = Paths::default();
            module.items.iter().for_each(|item| paths.visit_item(item));
            let used: BTreeSet<&str> = paths
                .found
                .iter()
                .filter_map(|found| self.file_of(path, found, 0))
                .filter(|file| *file != module.file)
                .collect();
            edges.insert(&*module.file, used);
        }
        edges
    }

    /// File → the modules of the crate that it names, its own included.
    pub(crate) fn uses(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let mut named = BTreeMap::new();
        for (path, module) in &self.modules {
            let mut paths = Paths::default();
            module.items.iter().for_each(|item| paths.visit_item(item));
            let used = paths
                .found
                .iter()
                .filter_map(|found| self.absolute(path, found, 0)?.into_iter().next())
                .filter(|name| self.modules.contains_key(std::slice::from_ref(name)));
            named.insert(&*module.file, used.collect());
        }
        named
    }

    /// File → the words of its code.
    pub(crate) fn words(&self) -> BTreeMap<&str, Words> {
        let mut all = BTreeMap::new();
        for module in self.modules.values() {
            let mut words = Words::default();
            module.items.iter().for_each(|item| words.visit_item(item));
            all.insert(&*module.file, words);
        }
        all
    }

    /// Every type that is defined outside functions: its name and its files.
    pub(crate) fn types(&self) -> BTreeMap<String, Vec<&str>> {
        let mut types: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for module in self.modules.values() {
            for item in &module.items {
                if matches!(
                    item,
                    Item::Struct(_) | Item::Enum(_) | Item::Trait(_) | Item::Type(_)
                ) {
                    let name = name(item).expect("a type has a name");
                    types.entry(name).or_default().push(&module.file);
                }
            }
        }
        types
    }

    /// The file in which a path, as written in a module, is defined; `None` for what is not ours.
    fn file_of(&self, from: &[String], path: &[String], depth: usize) -> Option<&str> {
        self.resolve(&self.absolute(from, path, depth)?, depth)
    }

    /// The path from the crate's root.
    fn absolute(&self, from: &[String], path: &[String], depth: usize) -> Option<Vec<String>> {
        if depth > 8 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let mut absolute = match &**first {
            "crate" | "exchports" => Vec::new(),
            "self" => from.to_vec(),
            "super" => {
                let mut up = from.to_vec();
                up.pop();
                let mut rest = rest;
                while let Some((word, after)) = rest.split_first()
                    && word == "super"
                {
                    up.pop();
                    rest = after;
                }
                up.extend_from_slice(rest);
                return Some(up);
            }
            name => {
                let module = self.modules.get(from)?;
                if let Some(import) = module.imports.get(name).filter(|import| *import != path) {
                    self.absolute(from, import, depth + 1)?
                } else {
                    let mut child = from.to_vec();
                    child.push(name.to_owned());
                    let known = self.modules.contains_key(&child) || module.defined.contains(name);
                    if !known {
                        return None;
                    }
                    child
                }
            }
        };
        absolute.extend_from_slice(rest);
        Some(absolute)
    }

    /// Follows re-exports to the module that defines what an absolute path names.
    fn resolve(&self, path: &[String], depth: usize) -> Option<&str> {
        let known = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length]))?;
        let at = &path[..known];
        let module = &self.modules[at];
        let Some(name) = path.get(known) else {
            return Some(&module.file);
        };
        if depth > 8 || module.defined.contains(name) {
            return Some(&module.file);
        }
        if let Some(import) = module.imports.get(name) {
            let mut whole = self.absolute(at, import, depth + 1)?;
            whole.extend_from_slice(&path[known + 1..]);
            return self.resolve(&whole, depth + 1);
        }
        for glob in &module.globs {
            let Some(mut whole) = self.absolute(at, glob, depth + 1) else {
                continue;
            };
            if let Some(source) = self.modules.get(&whole)
                && source.defined.contains(name)
            {
                whole.push(name.clone());
                return self.resolve(&whole, depth + 1);
            }
        }
        Some(&module.file)
    }
}

/// Groups of files that use each other in a circle, each sorted.
pub(crate) fn circles<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|file| {
            let mut seen = BTreeSet::new();
            let mut next = vec![*file];
            while let Some(at) = next.pop() {
                for used in edges.get(at).into_iter().flatten() {
                    if seen.insert(*used) {
                        next.push(used);
                    }
                }
            }
            (*file, seen)
        })
        .collect();
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for file in edges.keys() {
        if !reach[file].contains(file) || circles.iter().flatten().any(|known| known == file) {
            continue;
        }
        let circle = reach[file]
            .iter()
            .filter(|other| reach[*other].contains(file));
        circles.push(circle.copied().collect());
    }
    circles
}

/// All paths of the code, those of `use` included.
#[derive(Default)]
struct Paths {
    found: BTreeSet<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.found
            .insert(segments.map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, used: &'ast ItemUse) {
        collect(&used.tree, &mut Vec::new(), &mut |path, _| {
            self.found.insert(path);
        });
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !module.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        // `format!("…", crate::catalog::NAME)`: what a macro is given is words, not yet paths.
        let words = found.tokens.to_string();
        for (at, _) in words.match_indices("crate :: ") {
            let path: Vec<String> = words[at..]
                .split(" :: ")
                .map(|part| {
                    part.trim_start()
                        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
                .take_while(|name| !name.is_empty())
                .take(4)
                .collect();
            self.found.insert(path);
        }
        visit::visit_macro(self, found);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    // `pub(super)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// What stands in the code of a file: paths, methods, macros and what they are given.
#[derive(Default)]
pub(crate) struct Words {
    paths: BTreeSet<Vec<String>>,
    /// As `println!`.
    macros: BTreeSet<String>,
}

impl Words {
    /// Whether a path, a name or a macro stands there, whole or in a longer path.
    pub(crate) fn has(&self, word: &str) -> bool {
        let sought: Vec<&str> = word.split("::").collect();
        let is_in = |path: &Vec<String>| path.windows(sought.len()).any(|part| part == sought);
        self.macros.contains(word) || self.paths.iter().any(is_in)
    }
}

impl<'ast> Visit<'ast> for Words {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.paths
            .insert(segments.map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.paths.insert(vec![call.method.to_string()]);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_use(&mut self, used: &'ast ItemUse) {
        collect(&used.tree, &mut Vec::new(), &mut |path, _| {
            self.paths.insert(path);
        });
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !module.attrs.iter().any(is_for_tests) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        if let Some(last) = found.path.segments.last() {
            self.macros.insert(format!("{}!", last.ident));
        }
        // What a macro is given is words, not yet paths.
        let words = found.tokens.to_string().replace(" :: ", "::");
        let within = words
            .split(" ! ")
            .map(|before| before.split(' ').next_back());
        let within = within.flatten().map(|name| format!("{name}!"));
        self.macros.extend(within);
        let words = words.split(|letter: char| !letter.is_alphanumeric() && !"_:".contains(letter));
        for word in words.filter(|word| !word.is_empty()) {
            let path = word.split("::").map(str::to_owned);
            self.paths.insert(path.collect());
        }
        visit::visit_macro(self, found);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Each leaf of a `use`: its path, and the name that it gets; no name for `*`.
fn collect(
    tree: &UseTree,
    before: &mut Vec<String>,
    leaf: &mut impl FnMut(Vec<String>, Option<String>),
) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            collect(&path.tree, before, leaf);
            before.pop();
        }
        UseTree::Name(name) => {
            let mut path = before.clone();
            let mut name = name.ident.to_string();
            if name == "self" {
                name = path.last().cloned().unwrap_or_default();
            } else {
                path.push(name.clone());
            }
            leaf(path, Some(name));
        }
        UseTree::Rename(renamed) => {
            let mut path = before.clone();
            path.push(renamed.ident.to_string());
            leaf(path, Some(renamed.rename.to_string()));
        }
        UseTree::Glob(_) => leaf(before.clone(), None),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|item| collect(item, before, leaf)),
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Ident>()
            .is_ok_and(|word| word == "test")
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

#[test]
fn imports_are_read_as_code() {
    let code = r##"
        //! TcpStream, println!
        use std::{io, time::{Duration, Instant as Moment}};
        use tokio::net;
        macro_rules! say { ($it:expr) => { eprintln!("{}", $it) } }
        /* rustls /* and */ webpki */
        fn run() {
            let text = "SystemTime::now() // dbg!";
            let raw = r#"tokio::process " "#;
            let addresses = text.to_socket_addrs();
            assert!(crate::net::clock::now() > OffsetDateTime::now_utc());
        }
        #[cfg(test)]
        mod tests {
            fn print() { println!() }
        }
    "##;
    let mut words = Words::default();
    for item in &syn::parse_file(code).expect("it is Rust").items {
        words.visit_item(item);
    }
    for word in [
        "std::time::Instant",
        "tokio",
        "tokio::net",
        "to_socket_addrs",
        "eprintln!",
        "assert!",
        "now_utc",
        "net::clock",
    ] {
        assert!(words.has(word), "{word}");
    }
    for word in [
        "TcpStream",
        "println!",
        "rustls",
        "webpki",
        "SystemTime::now",
        "dbg!",
        "tokio::process",
        "time::now",
    ] {
        assert!(!words.has(word), "{word}");
    }
}
