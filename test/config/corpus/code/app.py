# The code of every Python function in the corpus, which only has to be there.
def handler(event, context):
    return None
