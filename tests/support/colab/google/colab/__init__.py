"""As much of Google Colab's own package as widgets need."""
