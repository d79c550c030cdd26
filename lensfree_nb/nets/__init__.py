"""Networks: plain torch modules, images in and images of the same size out."""
