//! `quorate explore`: what it serves, and the page in a real browser.

mod browser;
mod in_a_browser;
mod served;
mod served_pages;
