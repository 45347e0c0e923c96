//! What is said of one route beyond its declaration: in which types it is asked and answered, and what it can fail with.

use std::borrow::Cow;

use kernel::advice::{self, Advice};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::catalog::{OpenRoute, Route};

/// A type, as far as the document needs it.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: fn() -> Cow<'static, str>,
    pub(super) inline: fn(&mut SchemaGenerator) -> Schema,
    pub(super) reference: fn(&mut SchemaGenerator) -> Schema,
}

impl Shape {
    pub(super) fn of<T: JsonSchema>() -> Self {
        Self { name: T::schema_name, inline: T::json_schema, reference: SchemaGenerator::subschema_for::<T> }
    }
}

/// Who may call a route.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// Whoever has a token that grants this.
    Permission(&'static str),
    /// This stands in place of a token.
    ProtectedBy(&'static str),
}

/// What an answer consists of.
pub(super) enum Content {
    /// The envelope around this.
    Data(Shape),
    /// Either the envelope around nothing, or this alone.
    NothingOr(Shape),
    File,
    Redirect,
}

pub(super) struct Good {
    pub(super) status: u16,
    /// When it is answered, in Chinese.
    pub(super) when: &'static str,
    pub(super) content: Content,
    pub(super) links: Vec<Link>,
}

/// An operation that can be asked next, and what of this one stands in its path.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) operation: &'static str,
    pub(super) parameter: &'static str,
    /// As the specification writes it: `$response.body#/data/taskId`.
    pub(super) value: &'static str,
}

/// A parameter in the path or among the headers.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) tag: &'static str,
    /// A few words, in Chinese.
    pub(super) summary: &'static str,
    /// What one has to know to use it, in Chinese.
    pub(super) about: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) query: Option<Shape>,
    /// Fields of the query that this route does not take.
    pub(super) untaken: &'static [&'static str],
    pub(super) body: Option<Shape>,
    /// Whether the body may be left out.
    pub(super) body_is_optional: bool,
    pub(super) good: Vec<Good>,
    pub(super) failures: Vec<Advice>,
}

impl Operation {
    /// An operation whose callers show a token. Any of them can lack it, and any can meet a failure of ours.
    pub(super) fn of(route: Route, tag: &'static str, summary: &'static str, about: &'static str) -> Self {
        let Route { name, method, path, permission } = route;
        let failures = vec![advice::UNAUTHENTICATED, advice::permission_denied(permission), advice::UNAVAILABLE];
        Self::new(name, (method, path), Access::Permission(permission), (tag, summary, about)).fails(failures)
    }

    /// An operation without a token.
    pub(super) fn open(route: OpenRoute, tag: &'static str, summary: &'static str, about: &'static str) -> Self {
        let OpenRoute { name, method, path, protected_by } = route;
        Self::new(name, (method, path), Access::ProtectedBy(protected_by), (tag, summary, about))
    }

    fn new(
        id: &'static str,
        (method, path): (&'static str, &'static str),
        access: Access,
        (tag, summary, about): (&'static str, &'static str, &'static str),
    ) -> Self {
        // Whatever writes can find others at the same rows.
        let busy = (method != "GET").then_some(advice::BUSY);
        Self {
            id,
            method,
            path,
            access,
            tag,
            summary,
            about,
            parameters: Vec::new(),
            query: None,
            untaken: &[],
            body: None,
            body_is_optional: false,
            good: Vec::new(),
            failures: busy.into_iter().chain([advice::INTERNAL]).collect(),
        }
    }

    /// With an id in its path. One that nothing has is a 404.
    pub(super) fn path<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>("path", name, about).fails([advice::NOT_FOUND])
    }

    pub(super) fn header<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>("header", name, about)
    }

    fn parameter<T: JsonSchema>(mut self, place: &'static str, name: &'static str, about: &'static str) -> Self {
        self.parameters.push(Parameter { name, place, about, shape: Shape::of::<T>() });
        self
    }

    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(Shape::of::<T>());
        self.fails([advice::INVALID_REQUEST])
    }

    /// Without these fields of its query.
    pub(super) fn untaken(self, untaken: &'static [&'static str]) -> Self {
        Self { untaken, ..self }
    }

    pub(super) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Shape::of::<T>());
        self.fails([advice::INVALID_REQUEST])
    }

    /// With a body that may be left out.
    pub(super) fn optional_body<T: JsonSchema>(mut self) -> Self {
        self.body_is_optional = true;
        self.body::<T>()
    }

    /// Answering the envelope around a `T`.
    pub(super) fn answers<T: JsonSchema>(self, status: u16, when: &'static str) -> Self {
        self.good(status, when, Content::Data(Shape::of::<T>()))
    }

    pub(super) fn good(mut self, status: u16, when: &'static str, content: Content) -> Self {
        self.good.push(Good { status, when, content, links: Vec::new() });
        self
    }

    /// With what its good answers leave to be asked: these routes, with `value` of it as their parameter.
    pub(super) fn leads_to(mut self, parameter: &'static str, value: &'static str, routes: &[Route]) -> Self {
        let links = routes.iter().map(|route| Link { operation: route.name, parameter, value });
        let links: Vec<_> = links.collect();
        self.good.iter_mut().for_each(|good| good.links.extend(&links));
        self
    }

    /// Failing with these too.
    pub(super) fn fails(mut self, failures: impl IntoIterator<Item = Advice>) -> Self {
        for failure in failures {
            if !self.failures.contains(&failure) {
                self.failures.push(failure);
            }
        }
        self
    }

    /// The same without a failure of its kind in general, for a route that cannot meet it or whose contract names its own.
    pub(super) fn without(mut self, failure: &Advice) -> Self {
        self.failures.retain(|known| known != failure);
        self
    }

    /// The names of types that belong to this operation alone begin so.
    pub(super) fn pascal(&self) -> String {
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
        };
        self.id.split('-').map(capital).collect()
    }
}
