"""Opening acquisitions, bringing in other instruments' phase images, exporting."""
