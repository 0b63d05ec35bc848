-- The changes of a registry, a function each: a call is one statement, and so one transaction and
-- one round trip. They are made for READ COMMITTED, where each statement in a function sees what
-- was committed before it, and so everything that a lock taken before it has waited for.
--
-- Locks, in the order in which they are taken:
--   1. The row of a repository (NO KEY UPDATE) by whoever changes its manifests, tags or edges,
--      or takes a link away. What a repository's rules look at therefore stands still.
--   2. The row of a blob: KEY SHARE by whoever links it, NO KEY UPDATE by whoever may move it to
--      another object, UPDATE by whoever takes a link away or forgets it.
--   3. Rows of the collection queue.
-- A repository is never deleted.

CREATE FUNCTION repository_id(p_upstream text, p_name text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
BEGIN
    LOOP
        SELECT id INTO v_id FROM repositories WHERE upstream = p_upstream AND name = p_name;
        EXIT WHEN FOUND;
        INSERT INTO repositories (upstream, name) VALUES (p_upstream, p_name)
            ON CONFLICT (upstream, name) DO NOTHING RETURNING id INTO v_id;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_id;
END
$$;

-- Links a blob whose row the caller has locked, and takes it out of the way of collection.
CREATE FUNCTION link_locked(p_upstream text, p_name text, p_blob bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO repository_blobs (repository, blob)
        VALUES (repository_id(p_upstream, p_name), p_blob)
        ON CONFLICT DO NOTHING;
    UPDATE blobs SET unlinked_at = NULL WHERE id = p_blob AND unlinked_at IS NOT NULL;
END
$$;

CREATE FUNCTION link_blob(
    p_upstream text, p_name text, p_digest bytea, OUT size bigint, OUT locator text
) LANGUAGE plpgsql AS $$
DECLARE
    v_blob bigint;
BEGIN
    SELECT b.id, b.size, b.locator INTO v_blob, size, locator
        FROM blobs b WHERE b.digest = p_digest FOR KEY SHARE;
    IF FOUND THEN
        PERFORM link_locked(p_upstream, p_name, v_blob);
    END IF;
END
$$;

-- The link of the source is looked for when the lock on the blob keeps it from going.
CREATE FUNCTION mount_blob(
    p_upstream text, p_name text, p_digest bytea, p_from_upstream text, p_from_name text,
    OUT size bigint, OUT locator text
) LANGUAGE plpgsql AS $$
DECLARE
    v_blob bigint;
BEGIN
    SELECT b.id INTO v_blob FROM blobs b WHERE b.digest = p_digest FOR KEY SHARE;
    SELECT b.size, b.locator INTO size, locator
        FROM repositories r
        JOIN repository_blobs l ON l.repository = r.id AND l.blob = v_blob
        JOIN blobs b ON b.id = l.blob
        WHERE r.upstream = p_from_upstream AND r.name = p_from_name;
    IF FOUND THEN
        PERFORM link_locked(p_upstream, p_name, v_blob);
    END IF;
END
$$;

-- Records a sealed object, or queues it where another one stands for its digest.
CREATE FUNCTION add_blob(
    p_upstream text, p_name text, p_digest bytea, p_size bigint, p_locator text,
    p_replaces text, p_now bigint,
    OUT size bigint, OUT locator text, OUT being_removed boolean
) LANGUAGE plpgsql AS $$
DECLARE
    v_blob bigint;
BEGIN
    LOOP
        SELECT b.id, b.size, b.locator INTO v_blob, size, locator
            FROM blobs b WHERE b.digest = p_digest FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        being_removed := NOT withdraw(p_locator);
        IF being_removed THEN
            RETURN;
        END IF;
        INSERT INTO blobs AS b (digest, size, locator) VALUES (p_digest, p_size, p_locator)
            ON CONFLICT (digest) DO NOTHING RETURNING b.id, b.size, b.locator
            INTO v_blob, size, locator;
        EXIT WHEN FOUND;
    END LOOP;
    being_removed := false;
    IF locator = p_replaces AND locator <> p_locator THEN
        being_removed := NOT withdraw(p_locator);
        IF being_removed THEN
            RETURN;
        END IF;
        UPDATE blobs b SET size = p_size, locator = p_locator WHERE b.id = v_blob;
        PERFORM enqueue(p_digest, locator, size, p_now);
        size := p_size;
        locator := p_locator;
    ELSIF locator <> p_locator THEN
        PERFORM enqueue(p_digest, p_locator, p_size, p_now);
    END IF;
    PERFORM link_locked(p_upstream, p_name, v_blob);
END
$$;

-- Queues an object; it can be claimed at once.
CREATE FUNCTION enqueue(p_digest bytea, p_locator text, p_size bigint, p_now bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO collection_queue (digest, locator, size, available_at)
        VALUES (p_digest, p_locator, p_size, p_now) ON CONFLICT (locator) DO NOTHING
$$;

-- Takes an object back that is to be recorded again; false where it was handed out.
CREATE FUNCTION withdraw(p_locator text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_claims bigint;
BEGIN
    SELECT claims INTO v_claims FROM collection_queue WHERE locator = p_locator FOR UPDATE;
    IF v_claims > 0 THEN
        RETURN false;
    END IF;
    DELETE FROM collection_queue WHERE locator = p_locator;
    RETURN true;
END
$$;

-- `held_by` is the manifest that keeps the blob where it is; `size` is null where there is none.
CREATE FUNCTION delete_blob(
    p_upstream text, p_name text, p_digest bytea, p_now bigint,
    OUT size bigint, OUT locator text, OUT held_by bytea
) LANGUAGE plpgsql AS $$
DECLARE
    v_repository bigint;
    v_blob bigint;
BEGIN
    SELECT r.id INTO v_repository FROM repositories r
        WHERE r.upstream = p_upstream AND r.name = p_name FOR NO KEY UPDATE;
    SELECT b.id INTO v_blob FROM blobs b WHERE b.digest = p_digest FOR UPDATE;
    SELECT b.size, b.locator INTO size, locator
        FROM repository_blobs l JOIN blobs b ON b.id = l.blob
        WHERE l.repository = v_repository AND l.blob = v_blob;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT m.digest INTO held_by
        FROM manifest_edges e JOIN manifests m ON m.id = e.manifest
        WHERE e.repository = v_repository AND e.target = p_digest AND e.kind IN (1, 2, 4)
        LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    DELETE FROM repository_blobs l WHERE l.repository = v_repository AND l.blob = v_blob;
    UPDATE blobs SET unlinked_at = p_now
        WHERE id = v_blob AND NOT EXISTS (SELECT FROM repository_blobs l WHERE l.blob = v_blob);
END
$$;

-- A blob that somebody is linking this moment is skipped: it is not garbage any more.
CREATE FUNCTION claim_garbage(p_now bigint, p_unlinked_until bigint, p_lease_end bigint, p_limit bigint)
RETURNS TABLE (ticket bigint, digest bytea, locator text, size bigint)
LANGUAGE plpgsql AS $$
BEGIN
    WITH due AS MATERIALIZED (
        SELECT b.id FROM blobs b WHERE b.unlinked_at <= p_unlinked_until
            ORDER BY b.unlinked_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM blobs b USING due WHERE b.id = due.id RETURNING b.digest, b.locator, b.size
    )
    INSERT INTO collection_queue (digest, locator, size, available_at)
        SELECT gone.digest, gone.locator, gone.size, p_now FROM gone
        ON CONFLICT DO NOTHING;
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT q.ticket FROM collection_queue q WHERE q.available_at <= p_now
            ORDER BY q.available_at, q.ticket LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    UPDATE collection_queue q SET available_at = p_lease_end, claims = q.claims + 1
        FROM due WHERE q.ticket = due.ticket
        RETURNING q.ticket, q.digest, q.locator, q.size;
END
$$;

-- `refused_tag` is the first guarded tag that names another manifest, `refused_by` that one.
-- `missing` are the first 100 digests that are not there. Where neither is set, the manifest is
-- stored, and `previous` is what each tag named.
CREATE FUNCTION put_manifest(
    p_upstream text, p_name text, p_digest bytea, p_media_type text, p_payload bytea,
    p_tags text[], p_guarded boolean[],
    p_needed bytea[], p_needed_blob boolean[], p_needed_manifest boolean[],
    p_targets bytea[], p_kinds smallint[],
    p_subject bytea, p_artifact_type bytea, p_descriptor text,
    p_now bigint, p_actor text, p_request_id text,
    OUT created boolean, OUT previous bytea[],
    OUT refused_tag text, OUT refused_by bytea, OUT missing bytea[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_repository bigint;
    v_manifest bigint;
    v_media_type text;
    v_current bytea;
BEGIN
    SELECT r.id INTO v_repository FROM repositories r
        WHERE r.upstream = p_upstream AND r.name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        IF cardinality(p_needed) > 0 THEN
            missing := p_needed[1:100];
            RETURN;
        END IF;
        v_repository := repository_id(p_upstream, p_name);
        PERFORM FROM repositories r WHERE r.id = v_repository FOR NO KEY UPDATE;
    END IF;

    SELECT t.name, m.digest INTO refused_tag, refused_by
        FROM unnest(p_tags, p_guarded) WITH ORDINALITY AS w (tag, guarded, place)
        JOIN tags t ON t.repository = v_repository AND t.name = w.tag
        JOIN manifests m ON m.id = t.manifest
        WHERE w.guarded AND m.digest <> p_digest
        ORDER BY w.place LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(absent.digest ORDER BY absent.place) INTO missing FROM (
        SELECT n.digest, n.place
            FROM unnest(p_needed, p_needed_blob, p_needed_manifest)
                WITH ORDINALITY AS n (digest, as_blob, as_manifest, place)
            WHERE NOT (n.as_blob AND EXISTS (
                SELECT FROM blobs b
                    JOIN repository_blobs l ON l.repository = v_repository AND l.blob = b.id
                    WHERE b.digest = n.digest))
            AND NOT (n.as_manifest AND EXISTS (
                SELECT FROM manifests m
                    WHERE m.repository = v_repository AND m.digest = n.digest))
            ORDER BY n.place LIMIT 100) absent;
    IF missing IS NOT NULL THEN
        RETURN;
    END IF;

    SELECT m.id, m.media_type INTO v_manifest, v_media_type FROM manifests m
        WHERE m.repository = v_repository AND m.digest = p_digest;
    created := NOT FOUND;
    IF created THEN
        INSERT INTO manifests (repository, digest, media_type, pushed_at, pushed_by, payload)
            VALUES (v_repository, p_digest, p_media_type, p_now, p_actor, p_payload)
            RETURNING id INTO v_manifest;
    ELSIF v_media_type <> p_media_type THEN
        UPDATE manifests SET media_type = p_media_type WHERE id = v_manifest;
        DELETE FROM manifest_edges WHERE manifest = v_manifest;
        DELETE FROM referrers WHERE manifest = v_manifest;
    END IF;
    IF created OR v_media_type <> p_media_type THEN
        INSERT INTO manifest_edges (repository, target, kind, manifest)
            SELECT v_repository, e.target, e.kind, v_manifest
            FROM unnest(p_targets, p_kinds) AS e (target, kind);
        IF p_subject IS NOT NULL THEN
            INSERT INTO referrers
                (manifest, repository, subject, digest, artifact_type, descriptor)
                VALUES (v_manifest, v_repository, p_subject, p_digest, p_artifact_type,
                    p_descriptor);
        END IF;
    END IF;

    previous := '{}';
    FOR i IN 1 .. cardinality(p_tags) LOOP
        SELECT m.digest INTO v_current FROM tags t JOIN manifests m ON m.id = t.manifest
            WHERE t.repository = v_repository AND t.name = p_tags[i];
        previous := array_append(previous, v_current);
        IF v_current IS DISTINCT FROM p_digest THEN
            INSERT INTO tags (repository, name, manifest, updated_at)
                VALUES (v_repository, p_tags[i], v_manifest, p_now)
                ON CONFLICT (repository, name)
                DO UPDATE SET manifest = excluded.manifest, updated_at = excluded.updated_at;
            INSERT INTO tag_history (repository, tag, digest, at, actor, request_id)
                VALUES (v_repository, p_tags[i], p_digest, p_now, p_actor, p_request_id);
        END IF;
    END LOOP;
END
$$;

-- Deletes nothing where the manifest has tags beyond `p_allowed` (null: all are allowed).
-- `tags` are those that it has or had, in order; null where there is no such manifest.
CREATE FUNCTION delete_manifest(
    p_upstream text, p_name text, p_digest bytea, p_allowed text[],
    p_now bigint, p_actor text, p_request_id text,
    OUT deleted boolean, OUT tags text[]
) LANGUAGE plpgsql AS $$
DECLARE
    v_repository bigint;
    v_manifest bigint;
BEGIN
    deleted := false;
    SELECT r.id INTO v_repository FROM repositories r
        WHERE r.upstream = p_upstream AND r.name = p_name FOR NO KEY UPDATE;
    SELECT m.id INTO v_manifest FROM manifests m
        WHERE m.repository = v_repository AND m.digest = p_digest;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    tags := ARRAY(SELECT t.name FROM tags t WHERE t.manifest = v_manifest ORDER BY t.name);
    IF p_allowed IS NOT NULL
        AND EXISTS (SELECT unnest(tags) EXCEPT SELECT unnest(p_allowed)) THEN
        RETURN;
    END IF;
    INSERT INTO tag_history (repository, tag, at, actor, request_id)
        SELECT v_repository, gone.tag, p_now, p_actor, p_request_id
        FROM unnest(tags) WITH ORDINALITY AS gone (tag, place) ORDER BY gone.place;
    DELETE FROM tags t WHERE t.manifest = v_manifest;
    DELETE FROM manifest_edges e WHERE e.manifest = v_manifest;
    DELETE FROM referrers f WHERE f.manifest = v_manifest;
    DELETE FROM manifests m WHERE m.id = v_manifest;
    deleted := true;
END
$$;

-- What the tag named; null where there is none.
CREATE FUNCTION delete_tag(
    p_upstream text, p_name text, p_tag text, p_now bigint, p_actor text, p_request_id text
) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    v_repository bigint;
    v_digest bytea;
BEGIN
    SELECT r.id INTO v_repository FROM repositories r
        WHERE r.upstream = p_upstream AND r.name = p_name FOR NO KEY UPDATE;
    SELECT m.digest INTO v_digest FROM tags t JOIN manifests m ON m.id = t.manifest
        WHERE t.repository = v_repository AND t.name = p_tag;
    IF FOUND THEN
        DELETE FROM tags t WHERE t.repository = v_repository AND t.name = p_tag;
        INSERT INTO tag_history (repository, tag, at, actor, request_id)
            VALUES (v_repository, p_tag, p_now, p_actor, p_request_id);
    END IF;
    RETURN v_digest;
END
$$;
