//! HOW it reads: reports as text for eyes and as JSON for pipelines. Renderers show; they decide nothing.
#![forbid(unsafe_code)]

mod catalogue;
pub mod escape;
pub mod json;
pub mod log;
pub mod text;
mod wrap;

use crate::audit::request::Form;
use crate::audit::view::View;

/// A report in one of its forms.
#[derive(Debug)]
pub enum Rendered {
    /// Lines for eyes.
    Lines(Vec<String>),
    /// A document, whole.
    Document(String),
}

/// The report in this form.
pub fn report(form: Form, view: &View<'_>) -> Rendered {
    match form {
        Form::Text => Rendered::Lines(text::report(view)),
        Form::Json => Rendered::Document(json::report(view)),
    }
}
