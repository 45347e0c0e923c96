//! The schemas of types: as they are read for requests, as they are written for answers.

use std::collections::BTreeSet;

use kernel::advice::ErrorCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::operation::Shape;
use crate::http::{Envelope, ErrorBody};

/// Names of types that every route has its own of.
const OWN: [&str; 2] = ["Answer", "Body"];

/// Where schemas are named.
const COMPONENTS: &str = "#/components/schemas/";

/// What is written to say that an absent field may also be null; see [`never_null`].
const MAY_BE_NULL: &str = "x-may-be-null";

pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
    own: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let written = settings.clone().for_serialize().into_generator();
        Self { read: settings.for_deserialize().into_generator(), written, own: Map::new() }
    }

    /// What a request consists of.
    pub(super) fn read(&mut self, shape: Shape, owner: &str) -> Value {
        let name = (shape.name)();
        if !OWN.contains(&&*name) {
            return (shape.reference)(&mut self.read).to_value();
        }
        let schema = (shape.inline)(&mut self.read).to_value();
        self.name(format!("{owner}{name}"), schema)
    }

    /// The same where it stands.
    pub(super) fn read_inline(&mut self, shape: Shape) -> Value {
        let mut schema = (shape.inline)(&mut self.read).to_value();
        tidy(&mut schema, false);
        schema
    }

    /// What an answer consists of.
    pub(super) fn written(&mut self, shape: Shape, owner: &str) -> Value {
        let name = (shape.name)();
        if !OWN.contains(&&*name) {
            return (shape.reference)(&mut self.written).to_value();
        }
        let mut schema = (shape.inline)(&mut self.written).to_value();
        tidy(&mut schema, true);
        self.name(format!("{owner}{name}"), schema)
    }

    /// The envelope of an answer that went well, around `data`.
    pub(super) fn envelope(&mut self, status: u16, data: Value) -> Value {
        let mut envelope = Shape::of::<Envelope<'static, ()>>().inline_written(&mut self.written);
        if let Some(properties) = envelope.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.remove("error");
            properties.insert("code".to_owned(), json!({ "const": status }));
            properties.insert("data".to_owned(), data);
        }
        envelope
    }

    /// The envelope of an answer that did not, with one of these codes.
    pub(super) fn failure(&mut self, status: u16, codes: &BTreeSet<&str>) -> Value {
        let mut error = Shape::of::<ErrorBody<'static>>().inline_written(&mut self.written);
        if let Some(code) = error.pointer_mut("/properties/type") {
            *code = json!({ "type": "string", "enum": codes });
        }
        // One code alone has a number beside it.
        if !codes.contains(ErrorCode::EventsExpired.as_str())
            && let Some(properties) = error.pointer_mut("/properties").and_then(Value::as_object_mut)
        {
            properties.remove("oldestSequence");
        }
        let mut envelope = Shape::of::<Envelope<'static, ()>>().inline_written(&mut self.written);
        if let Some(properties) = envelope.pointer_mut("/properties").and_then(Value::as_object_mut) {
            properties.insert("code".to_owned(), json!({ "const": status }));
            properties.insert("error".to_owned(), error);
        }
        if let Some(required) = envelope.pointer_mut("/required").and_then(Value::as_array_mut) {
            required.push("error".into());
        }
        let words = codes.iter().flat_map(|code| code.split('_')).map(|word| {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", rest.to_ascii_lowercase())
        });
        self.name(format!("Error{status}{}", words.collect::<String>()), envelope)
    }

    fn name(&mut self, name: String, schema: Value) -> Value {
        let reference = json!({ "$ref": format!("{COMPONENTS}{name}") });
        self.own.insert(name, schema);
        reference
    }

    /// All that were named. The two generators name the same type the same.
    pub(super) fn named(mut self) -> Map<String, Value> {
        let mut all = Map::new();
        for (generator, is_written) in [(&mut self.read, false), (&mut self.written, true)] {
            for (name, mut schema) in generator.take_definitions(false) {
                tidy(&mut schema, is_written);
                all.insert(name, schema);
            }
        }
        for (name, mut schema) in self.own {
            tidy(&mut schema, false);
            all.insert(name, schema);
        }
        // Each failure has its own, with its codes.
        all.remove("ErrorBody");
        all
    }
}

impl Shape {
    fn inline_written(self, generator: &mut SchemaGenerator) -> Value {
        let mut schema = (self.inline)(generator).to_value();
        tidy(&mut schema, true);
        schema
    }
}

/// Takes out what is not meant for readers of the document (comments on the types, widths of integers), and writes words that
/// one can choose from as one list.
fn tidy(schema: &mut Value, is_written: bool) {
    // Any value, written so that words can stand beside it.
    if *schema == Value::Bool(true) {
        *schema = json!({});
    }
    let Some(fields) = schema.as_object_mut() else { return };
    fields.retain(|name, value| {
        let is_left_out = matches!(name.as_str(), "title" | "description" | "$schema");
        !is_left_out && (name != "default" || !value.is_null())
    });
    if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        fields.remove("format");
    }
    collapse_words(fields);
    if is_written {
        never_null(fields);
    }
    fields.remove(MAY_BE_NULL);
    for (name, inner) in fields.iter_mut() {
        match (name.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(|it| tidy(it, is_written)),
            ("items" | "additionalProperties", inner) => tidy(inner, is_written),
            ("oneOf" | "anyOf" | "allOf", Value::Array(choices)) => {
                choices.iter_mut().for_each(|it| tidy(it, is_written))
            }
            _ => {}
        }
    }
}

/// `oneOf` of words, each perhaps with its comment, as one `enum`.
fn collapse_words(fields: &mut Map<String, Value>) {
    let choices = ["oneOf", "anyOf"].into_iter().find_map(|name| Some((name, fields.get(name)?.as_array()?)));
    let Some((name, choices)) = choices else { return };
    let words = choices.iter().map(|choice| match (choice.get("const"), choice.get("enum")) {
        (Some(word @ Value::String(_)), _) => Some(vec![word.clone()]),
        (None, Some(Value::Array(words))) if choice["type"] == "string" => Some(words.clone()),
        _ => None,
    });
    let Some(words) = words.collect::<Option<Vec<_>>>() else { return };
    fields.remove(name);
    fields.insert("type".to_owned(), "string".into());
    fields.insert("enum".to_owned(), words.concat().into());
}

/// What is written only if it is there is never written as null.
fn never_null(fields: &mut Map<String, Value>) {
    let required: BTreeSet<String> = fields
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect();
    let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in
        properties.iter_mut().filter(|(name, it)| !required.contains(*name) && it.get(MAY_BE_NULL).is_none())
    {
        without_null(property);
    }
}

pub(super) fn without_null(schema: &mut Value) {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|it| !it.is_null());
    }
    if let Some(types) = schema.get_mut("type")
        && let Value::Array(choices) = types
    {
        choices.retain(|it| it != "null");
        if let [only] = choices.as_slice() {
            *types = only.clone();
        }
    }
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|it| it["type"] != "null");
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}
