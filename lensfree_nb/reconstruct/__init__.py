"""From holograms to optical path difference and absorption."""
