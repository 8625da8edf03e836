//! Trying the rights that an export and an erasure need, as far as that touches no object.

use adieu_core::ConnectorError;

use super::super::Ask;
use super::S3;
use crate::object::Listing;

impl S3 {
    /// Lists one entry of each sort and asks for locks. Whether objects may be read and deleted shows only on an object, so
    /// that is not tried.
    pub(super) async fn try_rights(&self, prefix: &str) -> Result<(), ConnectorError> {
        self.objects(&Ask::one_of(Listing::Objects, prefix)).await?;
        self.uploads(&Ask::one_of(Listing::Uploads, prefix)).await?;
        self.may_lock().await?;
        Ok(())
    }
}
