//! Drawings of the page as files: SVG and PNG, with the colours that they have on the page now.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, Element, HtmlCanvasElement, HtmlImageElement, Node, Url,
};

use super::browser::{self, warn};

/// The presentation attributes that a drawing takes from the page's styles.
const STYLES: [&str; 6] = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-family", "font-size"];

/// Pixels of a PNG for each unit of the drawing, so that it stays sharp on paper.
const PNG_SCALE: f64 = 2.0;

/// Gives a drawing to the visitor as an SVG file.
pub fn save_svg(name: &str, drawing: &Element) {
    let saved = svg(drawing).and_then(|text| browser::save(name, &text));
    if let Err(error) = saved {
        warn("the drawing was not saved", &error);
    }
}

/// Gives a drawing of this size to the visitor as a PNG file, on the page's own background.
pub fn save_png(name: &'static str, drawing: &Element, size: (f64, f64)) {
    let text = svg(drawing);
    let sheet = background(drawing);
    spawn_local(async move {
        let saved = match text {
            Ok(text) => png(&text, size, &sheet).await.and_then(|blob| browser::save_blob(name, &blob)),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            warn("the drawing was not saved", &error);
        }
    });
}

/// The drawing as an address that holds all of it.
///
/// # Errors
/// The browser's exception, which a document does not give.
pub fn data_address(drawing: &Element) -> Result<String, JsValue> {
    let text = svg(drawing)?;
    let encoded = js_sys::encode_uri_component(&text);
    // A parenthesis would end a link in Markdown.
    let encoded = String::from(encoded).replace('(', "%28").replace(')', "%29").replace('\'', "%27");
    Ok(format!("data:image/svg+xml;charset=utf-8,{encoded}"))
}

/// The drawing's text, every part with its own colours.
fn svg(drawing: &Element) -> Result<String, JsValue> {
    let copy: Element = drawing.clone_node_with_deep(true)?.dyn_into()?;
    let parts = drawing.query_selector_all("*")?;
    let copies = copy.query_selector_all("*")?;
    let window = browser::window().ok_or("no window")?;
    for idx in 0..parts.length() {
        let pair = (parts.item(idx).and_then(to_element), copies.item(idx).and_then(to_element));
        let (Some(part), Some(copy)) = pair else { continue };
        let Some(style) = window.get_computed_style(&part)? else { continue };
        for property in STYLES {
            copy.set_attribute(property, &style.get_property_value(property)?)?;
        }
    }
    // A document writes a name that files in XML do not know.
    Ok(copy.outer_html().replace("&nbsp;", "&#160;"))
}

async fn png(svg: &str, (width, height): (f64, f64), sheet: &str) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type("image/svg+xml");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&svg.into()), &options)?;
    let address = Url::create_object_url_with_blob(&blob)?;
    let image = HtmlImageElement::new()?;
    image.set_src(&address);
    let decoded = JsFuture::from(image.decode()).await;
    let _ = Url::revoke_object_url(&address);
    decoded?;
    let document = browser::document().ok_or("no document")?;
    let canvas: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
    canvas.set_width((width * PNG_SCALE) as u32);
    canvas.set_height((height * PNG_SCALE) as u32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d")?.ok_or("no 2d canvas")?.dyn_into()?;
    context.set_fill_style_str(sheet);
    context.fill_rect(0.0, 0.0, width * PNG_SCALE, height * PNG_SCALE);
    context.draw_image_with_html_image_element_and_dw_and_dh(
        &image,
        0.0,
        0.0,
        width * PNG_SCALE,
        height * PNG_SCALE,
    )?;
    let made = Promise::new(&mut |resolve, reject| {
        if let Err(error) = canvas.to_blob(&resolve) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    JsFuture::from(made).await?.dyn_into()
}

/// The colour behind the drawing.
fn background(drawing: &Element) -> String {
    let sheet = drawing.closest(".box").ok().flatten();
    let style = sheet.and_then(|sheet| browser::window()?.get_computed_style(&sheet).ok().flatten());
    let colour = style.and_then(|style| style.get_property_value("background-color").ok());
    colour.unwrap_or_else(|| "#fff".to_owned())
}

fn to_element(node: Node) -> Option<Element> {
    node.dyn_into().ok()
}
