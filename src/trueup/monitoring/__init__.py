"""How the model does in production: estimated accuracy, class shift, new classes."""
