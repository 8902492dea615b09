// The code of every function in the corpus, which only has to be there.
exports.handler = async () => null
