# LoRA Studio in a container.
#   docker build -t lora-studio .
#   docker run --init --stop-timeout 90 -p 127.0.0.1:7860:7860 -v lora-data:/data -v /my/models:/models:ro lora-studio
# Under another port of the machine: add `studio --host 0.0.0.0 --no-open --allow-host localhost:8080`.
# The address with the token is in the log; `lora library add /models` within the container adds a folder of models.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build:studio && npm prune --omit=dev

FROM node:24-bookworm-slim
ENV NODE_ENV=production LORA_STUDIO_DATA=/data XDG_CACHE_HOME=/data/cache
WORKDIR /app
COPY --from=build --chown=node:node /app /app
RUN mkdir -p /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7860
# Running jobs save their state at SIGTERM; a step of a large model may take a minute.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7860/healthz').then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/lora.js"]
CMD ["studio", "--host", "0.0.0.0", "--no-open"]
