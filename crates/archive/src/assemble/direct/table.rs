//! Records of an archive that is sent while it is gathered: they are gathered until they make a part of their table.

use std::io::Read as _;
use std::mem;

use flate2::read::DeflateDecoder;

use super::super::contents::{CollectionContents, ConnectorContents};
use super::super::part::{self, Parts};
use super::super::zip::dos_time;
use super::super::{datapackage, json};
use super::{Direct, OUT_OF_ORDER, Outflow, Writer, lack};
use crate::error::ArchiveError;

impl<O: Outflow> Direct<O> {
    /// Writes the gathered records as a part of their table.
    pub(super) async fn end_part(&mut self) -> Result<(), ArchiveError> {
        let spool = self.spool()?;
        let (system, number, gathered) = {
            let open = self.collection.as_mut().ok_or(OUT_OF_ORDER)?;
            let mark = mem::take(&mut open.mark);
            let gathered = mem::replace(&mut open.spool, spool);
            open.records += mark.records;
            open.missing += mark.missing;
            open.left_out += mark.attachments;
            let contents = CollectionContents {
                name: open.collection.name.clone(),
                mark,
                missing: None,
            };
            let system = ConnectorContents {
                descriptor: open.descriptor.clone(),
                collections: vec![contents],
            };
            (system, open.parts + 1, gathered)
        };
        let contents = self.contents(vec![system]);
        let mut parts = part::parts(&gathered, &contents)?;
        self.note_missing(&parts)?;
        let Some((system, index)) = with_tables(&mut parts) else {
            return Ok(());
        };
        let folder = system.descriptor.name.as_str();
        let name = system.parts[index]
            .collection
            .name
            .as_str()
            .replace('/', "_");
        let name = match number {
            1 => name,
            more => format!("{name}.{more}"),
        };
        let stem = self.names.give(folder, &name, "");
        self.names.take(&format!("{stem}.csv"));
        self.names.take(&format!("{stem}.json"));
        system.parts[index].stem = stem;
        if let Some(open) = &mut self.collection {
            open.parts = number;
        }
        let (created, format, stop) = (dos_time(self.created_at), self.format, self.stop.clone());
        let part = &system.parts[index];
        let mut forms = Vec::new();
        if format.has_csv() {
            forms.push((format!("{}.csv", part.stem), part.csv(&stop)?));
            let resource = datapackage::csv_resource(system, part, &stop)?;
            self.describe(&resource)?;
        }
        if format.has_json() {
            forms.push((format!("{}.json", part.stem), part.json(&stop)?));
            if format.has_csv() {
                let resource = datapackage::json_resource(system, part, &stop)?;
                self.describe(&resource)?;
            }
        }
        self.work(move |writer| {
            for (path, form) in &mut forms {
                match writer {
                    Writer::Zip(zip) => zip.form_anew(path, created, form)?,
                    Writer::Json(outlet) => {
                        let mut text = String::new();
                        DeflateDecoder::new(&mut form.pieces)
                            .read_to_string(&mut text)
                            .map_err(|error| ArchiveError::from_io("reading the spool", &error))?;
                        json::records(&text, number == 1, outlet)?;
                    }
                }
            }
            Ok(())
        })
        .await?;
        self.flow().await
    }

    fn note_missing(&mut self, parts: &Parts<'_>) -> Result<(), ArchiveError> {
        let lacks = &mut self.lacks;
        for system in &parts.systems {
            for part in &system.parts {
                let collection = Some(part.collection.name.as_str());
                part.each_missing(|what, missing| {
                    let connector = system.descriptor.name.as_str();
                    lacks.push(lack(connector, collection, what, &missing)?);
                    Ok::<(), ArchiveError>(())
                })?;
            }
        }
        Ok(())
    }
}

/// The part that has a table, if there is one.
fn with_tables<'a, 'b>(parts: &'a mut Parts<'b>) -> Option<(&'a mut part::System<'b>, usize)> {
    let system = parts.systems.first_mut()?;
    let index = system.parts.iter().position(part::Part::has_tables)?;
    Some((system, index))
}
