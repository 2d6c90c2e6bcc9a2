"""Fused training: many recipes of one shape trained as one stacked model."""
