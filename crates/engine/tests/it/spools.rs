//! Spools that no request needs any more are removed, and no others.

use std::fs;

use adieu_engine::{RequestId, Status};

use crate::world::{PATIENCE, World, erasure, export};

#[tokio::test]
async fn a_spool_that_a_crash_left_behind_is_removed_and_no_other() {
    let world = World::new();
    let engine = world.engine().await;
    let ended = engine.submit(export("ada")).await.unwrap().0.id;
    let request = engine.run(ended, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::Completed);
    let erased = engine.submit(erasure("ada")).await.unwrap().0.id;
    engine.run(erased, PATIENCE).await.unwrap();
    let waiting = engine.submit(export("eve")).await.unwrap().0.id;
    let unknown: RequestId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();

    let files = world.folder.path().join("adieu.db.files");
    let spool = |id: RequestId| files.join("spool").join(id.to_string());
    for id in [ended, erased, unknown, waiting] {
        fs::create_dir_all(spool(id)).unwrap();
        fs::write(spool(id).join("0.part"), "left").unwrap();
        fs::write(spool(id).with_extension("lock"), "").unwrap();
    }
    fs::write(files.join("spool/mine.txt"), "not a request's").unwrap();
    // Somebody who does not know yet that it was taken over still writes there.
    let held = fs::File::create(spool(erased).with_extension("lock")).unwrap();
    held.lock().unwrap();

    engine.expire().await.unwrap();
    assert!(spool(waiting).join("0.part").exists());
    assert!(files.join("spool/mine.txt").exists());
    for gone in [spool(unknown), spool(ended)] {
        assert!(!gone.exists(), "{gone:?}");
    }
    assert!(!spool(ended).with_extension("lock").exists());
    assert!(spool(erased).exists(), "it was held");
    drop(held);
    engine.expire().await.unwrap();
    assert!(!spool(erased).exists());
    engine.open_archive(ended).await.unwrap();
}
