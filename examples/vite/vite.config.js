const pages = ['index.html', 'tune.html'].map((name) => new URL(name, import.meta.url).pathname)

export default { build: { rollupOptions: { input: pages } }, worker: { format: 'es' } }
