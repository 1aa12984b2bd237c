//! The genome: what of `genome.bin` the kernel reads and changes. Unknown keys stay.

use super::msgpack;
use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};

pub const LARGEST: usize = 64 * 1024;
/// Of a gene file or a function.
const LONGEST_NAME: usize = 64;

/// A valid genome; its value is kept whole, so that rewriting it loses nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Genome {
    root: Value,
}

/// A gene file of the template, as the orchestrator tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolFile {
    pub path: String,
    pub code: String,
    pub functions: Vec<String>,
}

impl Genome {
    /// Refuses whatever `docs/genome.md` refuses, with the reason.
    pub fn decode(bytes: &[u8]) -> Result<Genome, String> {
        if bytes.len() > LARGEST {
            return Err(format!("{} bytes, more than {LARGEST}", bytes.len()));
        }
        let root = msgpack::decode(bytes)?;
        check(&root)?;
        Ok(Genome { root })
    }

    pub fn encode(&self) -> Vec<u8> {
        msgpack::encode(&self.root)
    }

    pub fn id(&self) -> &str {
        self.root.get("id").and_then(Value::as_str).unwrap_or("")
    }

    pub fn traits(&self) -> BTreeMap<String, f64> {
        let entries = self.root.get("traits").and_then(Value::as_map).unwrap_or(&[]);
        entries.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()
    }

    pub fn set_trait(&mut self, name: &str, value: f64) {
        if let Some(traits) = self.root.get_mut("traits") {
            traits.set(name, Value::Float(value.clamp(0.0, 1.0)));
        }
    }

    pub fn files(&self) -> &[Value] {
        self.root.get("files").and_then(Value::as_array).unwrap_or(&[])
    }

    pub fn path(&self, file: usize) -> &str {
        self.files()[file].get("path").and_then(Value::as_str).unwrap_or("")
    }

    pub fn is_active(&self, file: usize) -> bool {
        self.files()[file].get("active").and_then(Value::as_bool) == Some(true)
    }

    /// Names of a file's functions and whether each is active.
    pub fn functions(&self, file: usize) -> Vec<(String, bool)> {
        let pairs = self.files()[file].get("functions").and_then(Value::as_array);
        let read = |pair: &Value| match pair.as_array()? {
            [name, active] => Some((name.as_str()?.to_string(), active.as_bool()?)),
            _ => None,
        };
        pairs.unwrap_or(&[]).iter().filter_map(read).collect()
    }

    pub fn flip_file(&mut self, file: usize) {
        let active = self.is_active(file);
        self.files_mut()[file].set("active", Value::Bool(!active));
    }

    pub fn flip_function(&mut self, file: usize, function: usize) {
        let active = self.functions(file)[function].1;
        if let Some(pair) = self.functions_mut(file)[function].as_array_mut() {
            pair[1] = Value::Bool(!active);
        }
    }

    pub fn swap_files(&mut self, one: usize, other: usize) {
        self.files_mut().swap(one, other);
    }

    pub fn swap_functions(&mut self, file: usize, one: usize, other: usize) {
        self.functions_mut(file).swap(one, other);
    }

    /// Appends a gene file, active, with those functions active that `awake` says.
    pub fn adopt(&mut self, pool_file: &PoolFile, awake: &[bool]) {
        let pairs = pool_file.functions.iter().zip(awake);
        let functions = pairs
            .map(|(name, active)| Value::Array(vec![name.as_str().into(), Value::Bool(*active)]));
        let file = Value::map()
            .with("path", pool_file.path.as_str())
            .with("code", pool_file.code.as_str())
            .with("active", true)
            .with("functions", Value::Array(functions.collect()));
        self.files_mut().push(file);
    }

    /// Adds one to the mutations of this kind since birth.
    pub fn count_mutation(&mut self, operator: &str) {
        if self.root.get("mutations").is_none() {
            self.root.set("mutations", Value::map());
        }
        if let Some(mutations) = self.root.get_mut("mutations") {
            let before = mutations.get(operator).and_then(Value::as_int).unwrap_or(0);
            mutations.set(operator, Value::Int(before + 1));
        }
    }

    fn files_mut(&mut self) -> &mut Vec<Value> {
        let files = self.root.get_mut("files").and_then(Value::as_array_mut);
        files.expect("a valid genome has files")
    }

    fn functions_mut(&mut self, file: usize) -> &mut Vec<Value> {
        let functions = self.files_mut()[file].get_mut("functions");
        functions.and_then(Value::as_array_mut).expect("a valid file has functions")
    }
}

fn check(root: &Value) -> Result<(), String> {
    root.as_map().ok_or("not a map")?;
    if field(root, "v", Value::as_int, "an integer")? != 1 {
        return Err("v is not 1".to_string());
    }
    if !is_uuid(field(root, "id", Value::as_str, "a string")?) {
        return Err("id is not a lower-case UUID".to_string());
    }
    if !is_count(field(root, "generation", Value::as_int, "an integer")?) {
        return Err("generation is not a count".to_string());
    }
    let parents = field(root, "parents", Value::as_array, "an array")?;
    if parents.len() > 2 || !parents.iter().all(|parent| parent.as_str().is_some_and(is_uuid)) {
        return Err("parents are not at most two UUIDs".to_string());
    }
    let mut paths = BTreeSet::new();
    for file in field(root, "files", Value::as_array, "an array")? {
        let path = check_file(file)?;
        if !paths.insert(path) {
            return Err(format!("file {path:?} twice"));
        }
    }
    for (name, value) in field(root, "traits", Value::as_map, "a map")? {
        if !value.as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)) {
            return Err(format!("trait {name:?} is not a number in 0..1"));
        }
    }
    check_mutations(root)
}

fn check_mutations(root: &Value) -> Result<(), String> {
    let Some(mutations) = root.get("mutations") else {
        return Ok(());
    };
    let counts = mutations.as_map().ok_or("mutations is not a map")?;
    match counts.iter().find(|(_, count)| !count.as_int().is_some_and(is_count)) {
        Some((name, _)) => Err(format!("mutations {name:?} is not a count")),
        None => Ok(()),
    }
}

fn check_file(file: &Value) -> Result<&str, String> {
    file.as_map().ok_or("a file is not a map")?;
    let path = field(file, "path", Value::as_str, "a string")?;
    let name = path.strip_prefix("src/genes/").and_then(|name| name.strip_suffix(".rs"));
    if !name.is_some_and(is_identifier) {
        return Err(format!("path {path:?} is not src/genes/<name>.rs"));
    }
    let code = field(file, "code", Value::as_str, "a string")?;
    if code.len() != 64 || !code.bytes().all(is_lower_hex) {
        return Err(format!("code of {path:?} is not 64 hex digits"));
    }
    field(file, "active", Value::as_bool, "a boolean")?;
    let mut names = BTreeSet::new();
    for pair in field(file, "functions", Value::as_array, "an array")? {
        let Some([Value::Str(name), Value::Bool(_)]) = pair.as_array() else {
            return Err(format!("a function of {path:?} is not [name, active]"));
        };
        if !is_identifier(name) {
            return Err(format!("function {name:?} of {path:?} is not an identifier"));
        }
        if !names.insert(name) {
            return Err(format!("function {name:?} of {path:?} twice"));
        }
    }
    Ok(path)
}

fn field<'a, T>(
    map: &'a Value,
    key: &str,
    read: impl Fn(&'a Value) -> Option<T>,
    kind: &str,
) -> Result<T, String> {
    let value = map.get(key).ok_or_else(|| format!("key {key:?} is missing"))?;
    read(value).ok_or_else(|| format!("{key} is not {kind}"))
}

/// What a signed integer of 64 bits can hold, and at least zero.
fn is_count(number: i128) -> bool {
    i64::try_from(number).is_ok_and(|number| number >= 0)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(is_lower_hex))
}

/// A name that may stand in the wiring: an ASCII identifier of Rust that is no keyword.
fn is_identifier(name: &str) -> bool {
    const KEYWORDS: &str = "_ Self abstract as async await become box break const continue crate \
        do dyn else enum extern false final fn for gen if impl in let loop macro match mod move \
        mut override priv pub ref return self static struct super trait true try type typeof \
        unsafe unsized use virtual where while yield";
    let plain = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(plain)
        && !name.as_bytes()[0].is_ascii_digit()
        && !KEYWORDS.split(' ').any(|keyword| keyword == name)
}
