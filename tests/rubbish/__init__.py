"""A corpus of broken inputs, each with the command that meets it and the sentence that it is to say."""
