//! HOW it reads: reports as text and pages for eyes, as JSON, SARIF, JUnit and OCSF for programs. Renderers show; they decide
//! nothing.
#![forbid(unsafe_code)]

mod catalogue;
pub mod escape;
pub mod fix;
pub mod fix_json;
mod html;
pub mod json;
mod junit;
pub mod log;
mod ocsf;
mod sarif;
mod subject;
pub mod text;
pub mod users;
pub mod users_json;
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
        Form::Sarif => Rendered::Document(sarif::report(view)),
        Form::Junit => Rendered::Document(junit::report(view)),
        Form::Ocsf => Rendered::Document(ocsf::report(view)),
        Form::Html => Rendered::Document(html::report(view)),
    }
}
