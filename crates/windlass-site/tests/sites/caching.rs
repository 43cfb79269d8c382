//! What a visitor may keep, and for how long.

use crate::harness::{Kept, World};

#[tokio::test]
async fn a_name_with_a_hash_is_kept() {
    for name in [
        "app.3f9a1c2b.js",
        "index-BqX3k9aZ.css",
        "assets/index-Dk2XW4aC.js",
        "main.a1b2c3d4e5f60718.css",
        "framework-945b357d4a851f4b.js",
        "main-QLFPJ3SO.js",
        "logo_3f9a1c2b.svg",
        "my.logo.5d41402abc4b2a76b9719d911017c592.png",
        "inter.3f9a1c2b.woff2",
        "core.3f9a1c2b.wasm",
    ] {
        assert_eq!(cache_control(name).await, "public, max-age=31536000, immutable", "{name}");
    }
}

#[tokio::test]
async fn any_other_is_asked_for_each_time() {
    for name in [
        "index.html",
        "app.js",
        "app.3f9a1c2b.html",
        "data.3f9a1c2b.json",
        "feed-3f9a1c2b.xml",
        "paper-3f9a1c2b.pdf",
        "3f9a1c2b.js",
        "3f9a1c2b/app.js",
        "app.3f9a1c2.js",
        "app.abcdefab.js",
        "app.12345678.js",
        "photo-20240115.jpg",
        "IMG_20240115T103000.jpg",
        "hero-1024x768.jpg",
        "hero-1024X768.jpg",
        "font-webfont2.woff2",
        "My-Document2.png",
        "menu-cafe2024.jpg",
        "index-BqX3k9aZ9.css",
        "LICENSE",
    ] {
        assert_eq!(cache_control(name).await, "public, max-age=0, must-revalidate", "{name}");
    }
}

async fn cache_control(name: &str) -> String {
    let world = World::with(&[(name, b"x")], Kept::Inline).await;
    world.get(&format!("/{name}")).await.header("cache-control").to_owned()
}
