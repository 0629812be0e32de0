import { existsSync } from 'node:fs'
import { defineConfig } from 'vitepress'
import { slug } from '../pages.js'

const page = (text, link) => ({ text, link })

export default defineConfig({
  title: 'softmargin',
  description: 'Image classifiers made of a CNN and an SVM, in JavaScript',
  base: process.env.DOCS_BASE ?? '/softmargin/',
  cleanUrls: true,
  markdown: { anchor: { slugify: slug }, toc: { slugify: slug }, headers: { slugify: slug } },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/softmargin/softmargin' }],
    nav: [
      page('Guide', '/guide/quick-start'),
      page('API', '/api/'),
      page('Changelog', 'https://github.com/softmargin/softmargin/blob/main/CHANGELOG.md'),
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          page('Why softmargin', '/guide/why'),
          page('Quick start', '/guide/quick-start'),
          page('Choose a layer', '/layers'),
          page('Grid search', '/guide/grid-search'),
          page('Fine-tuning', '/guide/fine-tuning'),
          page('Labels and stores', '/guide/labels-and-stores'),
          page('How sure is it?', '/guide/how-sure'),
          page('Explanations', '/guide/explain'),
          page('Workers', '/guide/workers'),
          page('Serving', '/guide/serving'),
        ],
      },
      {
        text: 'Recipes',
        items: [
          page('Node', '/recipes/node'),
          page('Deno', '/recipes/deno'),
          page('Bun', '/recipes/bun'),
          page('Browsers, without a bundler', '/recipes/browsers'),
          page('Vite and other bundlers', '/recipes/vite'),
          page('Cloudflare Workers', '/recipes/cloudflare'),
          page('Vercel Edge', '/recipes/vercel-edge'),
        ],
      },
      {
        text: 'Coming from',
        items: [
          page('scikit-learn', '/coming-from/scikit-learn'),
          page('Teachable Machine', '/coming-from/teachable-machine'),
          page('ml5', '/coming-from/ml5'),
          page('LIBSVM', '/coming-from/libsvm'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('API', '/api/'),
          page('Models known to work', '/models'),
          page('File formats', '/formats'),
          page('Errors by code', '/errors'),
          page('Architecture', '/architecture'),
        ].filter(
          ({ link }) =>
            link !== '/architecture' || existsSync(new URL('../architecture.md', import.meta.url)),
        ),
      },
    ],
  },
})
